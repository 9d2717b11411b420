// Builds targets, inspects each addon, and runs it on its target: node scripts/targets/try.mjs NAME… | all [--quick].
// On each target it runs the probe of unwinding, the smoke test, and the portable part of the suite, with --quick only its quick
// specs. Prints a table, and as its last line `N passed, N failed`.

import { fileURLToPath } from 'node:url';
import { plainCounts } from '../lib/counts.mjs';
import { inProject } from '../lib/root.mjs';
import { run } from '../lib/run.mjs';
import { explain, failSetUp, SetupError } from '../lib/toolchain.mjs';
import { readArguments } from '../lib/usage.mjs';
import { buildTarget, columns, probeFile } from './build.mjs';
import { targetsNamed } from './list.mjs';
import { howItRuns, missingToRun, nodeFor } from './runtime.mjs';
import { missingFor } from './toolchain.mjs';

/**
 * Seconds without output after which a script counts as hanging. scripts/portable.mjs stops a spec under qemu after 960 such seconds, and
 * prints what a spec wrote only when the spec ends.
 */
const silence = 25 * 60;

/**
 * Builds and tries one target. Resolves with a row of the table: `{ name, size, floor, run, passed, failed, result }`. What goes
 * wrong is in `result`, so that one target does not stop the others. `portable` says which specs of the portable suite run: 'all', 'quick'
 * or 'none'.
 */
export async function tryTarget(target, { portable = 'all', say = console.log } = {}) {
  const row = { name: target.name, size: '', floor: '', run: howItRuns(target) };
  const totals = { passed: 0, failed: 0 };
  try {
    const addons = await buildTarget(target, say);
    for (const { name, floor, machine, needed } of addons)
      say(`targets: ${target.name}: ${name}: ${machine}, ${floor}, needs ${needed.join(', ')}`);
    const [{ size, floor }] = addons;
    Object.assign(row, { size: `${(size / 1e6).toFixed(2)} MB`, floor });
    totals.passed += addons.length;
    await step(totals, 'probe', await nodeFor(target, say), ['-e', loadProbe(target)]);
    await step(totals, 'smoke', process.execPath, [inProject('scripts/smoke.mjs'), target.name]);
    if (portable !== 'none') {
      const args = [inProject('scripts/portable.mjs'), target.name];
      if (portable === 'quick') args.push('--quick');
      await step(totals, 'portable', process.execPath, args, plainCounts);
    }
  } catch (error) {
    totals.failed = Math.max(totals.failed, 1);
    return { ...row, ...totals, result: explain(error).trim().split('\n').at(-1) };
  }
  return { ...row, ...totals, result: `${totals.passed} passed, ${totals.failed} failed` };
}

/** What this machine lacks to build and run the targets of these names, or undefined. */
export function missingToTry(names) {
  const chosen = targetsNamed(names);
  const reasons = chosen.map((target) => missingFor(target) ?? missingToRun(target));
  return reasons.find((reason) => reason !== undefined);
}

/** Loads the probe, which aborts the process if a panic passes catch_unwind. */
function loadProbe(target) {
  const file = JSON.stringify(inProject(probeFile(target)));
  return `process.dlopen({ exports: {} }, ${file}); console.log('probe: both panics were caught')`;
}

/** Runs a script. It counts as one test, or as the tests that `count` finds in its output. */
async function step(totals, name, program, args, count) {
  const { code, text, hung } = await run(program, args, { output: 'tee', silence });
  const counts = count?.(text) ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
  totals.passed += counts.passed;
  totals.failed += counts.failed;
  if (code === 0 && counts.passed > 0) return;
  const why = hung ? `no output for ${silence} s` : `code ${code}`;
  throw new SetupError(`${name}: ${counts.failed} failed, ${why}`);
}

/** The table of rows from tryTarget(), as text. */
export function table(rows) {
  const cells = rows.map((row) => [row.name, row.size, row.floor, row.run, row.result]);
  return columns([['target', 'size', 'floor', 'how it was run', 'result'], ...cells]);
}

async function main() {
  const options = { quick: { type: 'boolean' } };
  const usage = 'npm run try:target -- NAME… | all [--quick]';
  const { values, positionals } = readArguments(usage, { options, least: 1, most: Infinity });
  const rows = [];
  for (const target of targetsNamed(positionals))
    rows.push(await tryTarget(target, { portable: values.quick ? 'quick' : 'all' }));
  console.log(`\n${table(rows)}`);
  const total = (key) => rows.reduce((sum, row) => sum + row[key], 0);
  console.log(`\n${total('passed')} passed, ${total('failed')} failed`);
  process.exitCode = total('failed') === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main().catch(failSetUp);
