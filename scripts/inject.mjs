// Makes the system calls of the core fail, one at a time, by strace: each of the calls in scripts/inject/calls.mjs, with each error of its
// man page, at its calls 1 to 5. Nothing may crash, hang or spin, and no other connection than the one that is hit may lose a byte.
// Options: --only CALL,CALL; --json (each run as a line); --short (one error for each call, at its first call).

import { availableParallelism } from 'node:os';
import { calls, foreign } from './inject/calls.mjs';
import { judge, judgeDescriptors, mayWait, meanings } from './inject/judge.mjs';
import { shortages, untilPlenty } from './inject/shortage.mjs';
import { countCalls, injectedCall, runTraced } from './inject/tracing.mjs';
import { run } from './lib/run.mjs';
import { inProject } from './lib/root.mjs';
import { readArguments, refuseArguments } from './lib/usage.mjs';

/** The calls of each name that fail, one in each run. */
const places = [1, 2, 3, 4, 5];
/** Milliseconds without a byte after which a connection hangs, and after which one that may wait is not waited for. */
const patience = 20_000;
const shortPatience = 4000;
/** How often a run is made again at most. */
const mostAgain = 4;
const atOnce = Math.min(2, availableParallelism());
const victim = inProject('target/release/examples/victim');
/** The parts of the program, and how a run of each is judged. */
const parts = { serving: judge, descriptors: judgeDescriptors };

const { values } = readArguments('npm run inject -- [--only CALL,CALL] [--json] [--short]', {
  options: {
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
  },
});
const asked = values.only?.split(',') ?? Object.keys(calls);
const unknown = asked.filter((name) => !(name in calls));
if (unknown.length > 0) {
  const known = Object.keys(calls).join(', ');
  refuseArguments(`There is no call '${unknown.join("', '")}'. Calls: ${known}.`);
}

const built = await run(
  'cargo',
  ['build', '--locked', '--release', '-p', 'edgepoll', '--example', 'victim'],
  {
    output: 'keep',
  },
);
if (built.code !== 0) {
  console.error(built.text);
  process.exit(1);
}

const failures = [];
const results = [];
const waiting = [];
for (const part of Object.keys(parts)) waiting.push(...jobs(part, await withoutFailure(part)));
await Promise.all(Array.from({ length: atOnce }, work));
show();
for (const line of failures) console.log(`FAIL ${line}`);
console.log(`${results.length - failures.length} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 && results.length > 0 ? 0 : 1;

/**
 * Runs the program, and judges the run by `judgeRun`. A run that fails while the kernel was short of memory for TCP says nothing, and is
 * made again.
 */
async function tried(part, options, judgeRun) {
  for (let again = 0; ; again += 1) {
    const before = shortages();
    const found = await runTraced([victim, part], options);
    const judged = judgeRun(found);
    if (judged.failures.length === 0 || shortages() === before || again === mostAgain) {
      return { found, judged };
    }
    await untilPlenty();
  }
}

/** A run in which nothing fails. It must make every call of the table that it can, and no other. */
async function withoutFailure(part) {
  const { found, judged } = await tried(part, { trace: 'all', patience }, (each) =>
    parts[part]({ errno: 'none', found: each, injected: { ports: [] } }),
  );
  const counts = countCalls(found.lines);
  const strange = [...counts.between.keys()].filter(
    (name) => !(name in calls) && !foreign.has(name),
  );
  for (const failure of judged.failures) failures.push(`${part} without an error: ${failure}`);
  for (const name of strange) {
    failures.push(`the core calls ${name}, which is not in scripts/inject/calls.mjs`);
  }
  return counts;
}

function jobs(part, usual) {
  return asked.flatMap((call) => {
    const before = usual.before.get(call) ?? 0;
    const count = usual.between.get(call) ?? 0;
    const errors = values.short ? calls[call].slice(0, 1) : calls[call];
    return errors.flatMap((errno) =>
      (values.short ? [1] : places)
        .filter((place) => place <= count)
        .map((place) => ({ part, call, errno, place, when: before + place })),
    );
  });
}

async function work() {
  for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
    const { part, call, errno, place, when } = job;
    const options = {
      trace: call,
      inject: `${call}:error=${errno}:when=${when}`,
      patience: mayWait(call, errno) ? shortPatience : patience,
    };
    const { judged } = await tried(part, options, (found) => {
      const injected = injectedCall(found.lines);
      if (injected !== undefined) return parts[part]({ call, errno, found, injected });
      return { outcome: 'not reached', failures: place === 1 ? ['the call was not made'] : [] };
    });
    results.push({ ...job, ...judged });
    if (judged.failures.length > 0) {
      failures.push(`${part}, ${call} ${errno} at call ${place}: ${judged.failures.join('; ')}`);
    }
    if (values.json) console.log(JSON.stringify({ ...job, ...judged }));
    else if (judged.failures.length > 0) console.log(`FAIL ${failures.at(-1)}`);
  }
}

/** The tables: for each call and error of a part, what happened at the places. The two parts make different calls. */
function show() {
  if (values.json) return;
  for (const part of Object.keys(parts)) {
    console.log(`\n| ${part} | Error | ${places.map((place) => `call ${place}`).join(' | ')} |`);
    console.log(`|---|---|${places.map(() => '---').join('|')}|`);
    for (const call of asked) for (const errno of calls[call]) showRow(part, call, errno);
  }
  console.log();
  for (const [outcome, meaning] of Object.entries(meanings)) console.log(`${outcome}: ${meaning}`);
}

function showRow(part, call, errno) {
  const of = results.filter((it) => it.part === part && it.call === call && it.errno === errno);
  if (of.length === 0) return;
  const cells = places.map((place) => of.find((each) => each.place === place)?.outcome ?? '');
  console.log(`| ${call} | ${errno} | ${cells.join(' | ')} |`);
}
