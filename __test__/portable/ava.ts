/**
 * Stands for ava in runtimes where ava cannot run: the part of its interface that the specs use, and no more, so
 * that an unknown call is a TypeError and not a test left out.
 *
 * It must never import what is tested. The specs import it by the name `ava` (scripts/portable.mjs sees to that);
 * run.ts runs what they declared.
 */
import { Execution } from './assertions.js';

type Body = (t: Execution) => unknown;

interface Declared {
  title: string;
  body: Body;
  serial: boolean;
  skipped: boolean;
}

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
    declared.push({ title, body, ...kind });
  };
}

/** Takes the body with or without a title before it, as ava does. */
function hook(name: keyof typeof hooks) {
  const add = (titleOrBody: string | Body, body?: Body): void => {
    const call = typeof titleOrBody === 'string' ? body : titleOrBody;
    if (call === undefined) throw new TypeError(`${name}() takes a function`);
    hooks[name].push(call);
  };
  // Hooks after a failure run here in any case.
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

/** How many tests ended how. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function describe(error: unknown): string {
  // Where an engine puts the message not into the stack, both are shown.
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
 * Runs all that was declared: first what is serial, one by one, then the rest at once, as ava does. `counts` is true
 * at any moment, so that a process that ends early can say how far it came.
 */
export async function runDeclared(counts: Counts, limit: number): Promise<void> {
  for (const { title } of declared.filter(({ skipped }) => skipped)) {
    counts.skipped += 1;
    console.log(`  - ${title} (skipped)`);
  }
  const chosen = declared.filter(({ skipped }) => !skipped);
  if (await runHooks('before', counts)) {
    for (const one of chosen.filter((entry) => entry.serial)) await runOne(one, counts, limit);
    const rest = chosen.filter((entry) => !entry.serial);
    await Promise.all(rest.map((one) => runOne(one, counts, limit)));
  }
  await runHooks('after', counts);
}

/** How many tests there are, skipped ones among them. */
export function numberDeclared(): number {
  return declared.length;
}
