/**
 * Replaces ava in runtimes where ava cannot run. It has only the part of ava's interface that the specs use, so an unknown call
 * is a TypeError and not a test that is left out.
 *
 * It must not import the package that is tested. scripts/portable.mjs lets the specs import this file as `ava`, and run.ts runs
 * the tests that they declare.
 */
import { Execution } from './assertions.js';

type Body = (t: Execution) => unknown;

interface Declared {
  title: string;
  body: Body;
  serial: boolean;
  skipped: boolean;
  /** Why the runner leaves it out. */
  reason?: string | undefined;
}

/** A test that this machine cannot run. */
interface LeftOut {
  title: string;
  reason: string;
}

/** How many tests run at once. The runner sets it where the processor is emulated; else all do. */
const atOnce = Number(process.env['EDGEPOLL_TESTS_AT_ONCE'] ?? Infinity);

/** The tests of this file that scripts/portable.mjs leaves out. */
const leftOut = JSON.parse(process.env['EDGEPOLL_LEFT_OUT'] ?? '[]') as LeftOut[];

const declared: Declared[] = [];
const hooks = {
  before: [] as Body[],
  after: [] as Body[],
  beforeEach: [] as Body[],
  afterEach: [] as Body[],
};

function declare(kind: { serial: boolean; skipped: boolean }) {
  return (title: string, body: Body): void => {
    if (declared.some((other) => other.title === title))
      throw new Error(`two tests have the title '${title}'`);
    const reason = leftOut.find((one) => one.title === title)?.reason;
    declared.push({ title, body, ...kind, skipped: kind.skipped || reason !== undefined, reason });
  };
}

/** Takes the body with or without a title before it, as ava does. */
function hook(name: keyof typeof hooks) {
  const add = (titleOrBody: string | Body, body?: Body): void => {
    const call = typeof titleOrBody === 'string' ? body : titleOrBody;
    if (call === undefined) throw new TypeError(`${name}() takes a function`);
    hooks[name].push(call);
  };
  // Here every hook runs after a failure too, so `always` is the same function.
  return Object.assign(add, { always: add });
}

const serial = Object.assign(declare({ serial: true, skipped: false }), {
  skip: declare({ serial: true, skipped: true }),
});

const test = Object.assign(declare({ serial: false, skipped: false }), {
  serial,
  skip: declare({ serial: false, skipped: true }),
  before: hook('before'),
  after: hook('after'),
  beforeEach: hook('beforeEach'),
  afterEach: hook('afterEach'),
});
export default test;

/** The number of tests by their results. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function describe(error: unknown): string {
  // Some engines leave the message out of the stack. Then both are shown.
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? '';
  return stack.includes(error.message) ? stack : `${error.message}\n${stack}`;
}

function report(counts: Counts, title: string, failure: { error: unknown } | undefined): void {
  if (failure === undefined) {
    counts.passed += 1;
    console.log(`  ✔ ${title}`);
  } else {
    counts.failed += 1;
    console.log(`  ✘ ${title}\n${describe(failure.error).replaceAll(/^/gm, '      ')}`);
  }
}

async function runHooks(name: 'before' | 'after', counts: Counts): Promise<boolean> {
  let good = true;
  for (const body of hooks[name]) {
    const failure = await new Execution(name).run((t) => (t.pass(), body(t)), 60_000);
    if (failure === undefined) continue;
    report(counts, name, failure);
    good = false;
  }
  return good;
}

async function runOne({ title, body }: Declared, counts: Counts, limit: number): Promise<void> {
  const execution = new Execution(title);
  const failure = await execution.run(async (t) => {
    for (const call of hooks.beforeEach) await call(t);
    try {
      await body(t);
    } finally {
      for (const call of hooks.afterEach) await call(t);
    }
  }, limit);
  report(counts, title, failure);
}

/**
 * Runs all declared tests as ava does: first the serial ones one by one, then the rest at once. `counts` is updated after each
 * test, so that a process that ends early can print how many have run.
 */
export async function runDeclared(counts: Counts, limit: number): Promise<void> {
  for (const { title, reason } of declared.filter(({ skipped }) => skipped)) {
    counts.skipped += 1;
    console.log(`  - ${title} (${reason ?? 'skipped'})`);
  }
  const titles = new Set(declared.map(({ title }) => title));
  for (const gone of leftOut.filter(({ title }) => !titles.has(title))) {
    const error = new Error('no test has this title, and the runner leaves it out');
    report(counts, gone.title, { error });
  }
  const chosen = declared.filter(({ skipped }) => !skipped);
  if (await runHooks('before', counts)) {
    for (const one of chosen.filter((entry) => entry.serial)) await runOne(one, counts, limit);
    const rest = chosen.filter((entry) => !entry.serial);
    const worker = async (): Promise<void> => {
      for (let one = rest.shift(); one !== undefined; one = rest.shift())
        await runOne(one, counts, limit);
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, rest.length) }, worker));
  }
  await runHooks('after', counts);
}

/** How many tests are declared, skipped ones included. */
export function numberDeclared(): number {
  return declared.length;
}
