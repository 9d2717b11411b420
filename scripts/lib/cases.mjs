// The cases of a script that tries the packages or the protocols: which of them its options name, and a run of these, two at a time,
// with a line for each.

import { readArguments, refuseArguments } from './usage.mjs';

const atOnce = 2;

/** What ends a case that this machine cannot run. The message is the reason. */
export class NotRun extends Error {}

/**
 * The cases that `--only NAME,NAME` names, or all. A case has a `name`; one with a `group` is also named by that. A case whose
 * `body.isLong` is true is chosen only by its own name. `--list` prints the names and ends the process. `script` is the script's path in the project.
 */
export function chosenCases(script, cases) {
  const options = { only: { type: 'string' }, list: { type: 'boolean' } };
  const { values } = readArguments(`node ${script} [--only NAME,NAME] [--list]`, { options });
  const asked = values.only?.split(',');
  const isNamedBy = (word) => (each) =>
    each.name === word || (each.group === word && !each.body.isLong);
  const unknown = asked?.filter((word) => !cases.some(isNamedBy(word))) ?? [];
  if (unknown.length > 0) {
    refuseArguments(`There is no case '${unknown.join(', ')}': node ${script} --list names them.`);
  }
  const isChosen = (each) => asked?.some((word) => isNamedBy(word)(each)) ?? !each.body.isLong;
  if (!values.list) return cases.filter(isChosen);
  const shown = asked === undefined ? cases : cases.filter(isChosen);
  for (const { name, body } of shown) console.log(body.isLong ? `${name} (long)` : name);
  return process.exit(0);
}

/** Runs the cases by `runCase`, which may resolve with a text to show. Returns how many passed, failed and were not run. */
export async function runCases(title, cases, runCase) {
  const totals = { passed: 0, failed: 0, notRun: 0 };
  const waiting = [...cases];
  const runOne = async (each) => {
    const begun = performance.now();
    try {
      const found = await runCase(each);
      totals.passed += 1;
      const shown = found === undefined ? '' : `, ${found}`;
      console.log(`${title}: ${each.name}: ok in ${since(begun)}${shown}`);
    } catch (error) {
      if (error instanceof NotRun) {
        totals.notRun += 1;
        console.log(`${title}: ${each.name}: not run, ${error.message}`);
      } else {
        totals.failed += 1;
        console.log(`FAIL ${title}: ${each.name}, after ${since(begun)}: ${error.stack}`);
      }
    }
  };
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await runOne(next);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return totals;
}

/** Prints the totals, and sets the exit code: it is 1 if a case failed or none passed. */
export function reportTotals({ passed, failed, notRun }) {
  console.log(`\n${notRun} not run\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

/** The time since a moment of performance.now(), in seconds. */
export function since(moment) {
  return `${((performance.now() - moment) / 1000).toFixed(1)} s`;
}
