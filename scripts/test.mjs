// npm test: the set-up, then every check, then a table and the line `N passed, N failed`.
// A failed check does not stop the others. There is no limit to the whole run: a check is stopped only when it prints
// nothing for a long time. A check that could not run is "not run", with the reason, and not a failure.

import { checks } from './lib/checks.mjs';
import { failedTests, failures } from './lib/counts.mjs';
import { run } from './lib/run.mjs';
import { explain } from './lib/toolchain.mjs';
import { readArguments, refuseArguments } from './lib/usage.mjs';
import { everything, setUp } from './setup.mjs';

/** A check that prints nothing for so many seconds counts as hung. On an idle machine none is silent for a minute. */
const usualSilence = 10 * 60;

const secondsSince = (moment) => (performance.now() - moment) / 1000;

const options = {
  only: { type: 'string' },
  quick: { type: 'boolean' },
  list: { type: 'boolean' },
};
const { values } = readArguments('npm test -- [--only NAME,NAME] [--quick] [--list]', { options });
const chosen = choose();
if (values.list) {
  for (const { name, quick } of chosen) console.log(quick ? `${name} (quick)` : name);
  process.exit(0);
}

const results = [];
const notRun = [];
let interrupted;
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
  // lib/run.mjs stops the check that is running.
  process.on(signal, () => {
    // A second signal ends the process at once.
    if (interrupted !== undefined) process.exit(code);
    interrupted = code;
  });
}

const brokenStep = await setUpAll();
for (const [index, check] of chosen.entries()) {
  const reason = whyNot(check);
  if (reason === undefined) await runCheck(check, `[${index + 1}/${chosen.length}] ${check.name}`);
  else notRun.push(`${check.name}: not run, ${reason}`);
}
report();

function choose() {
  const names = values.only?.split(',') ?? checks.map(({ name }) => name);
  const unknown = names.filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    refuseArguments(`There is no check '${unknown.join(', ')}': npm test -- --list names them.`);
  }
  return checks.filter(({ name, quick }) => names.includes(name) && (quick || !values.quick));
}

/** Runs the steps of the set-up that the chosen checks need. Returns the one that failed. */
async function setUpAll() {
  const last = Math.max(...chosen.map(({ needs }) => everything.indexOf(needs)));
  for (const step of everything.slice(0, last + 1)) {
    const begun = performance.now();
    try {
      await setUp([step], { sayNothingToDo: false });
    } catch (error) {
      console.error(`set-up: ${explain(error)}`);
      if (interrupted === undefined) {
        const seconds = secondsSince(begun);
        results.push({ name: `set-up ${step}`, passed: 0, failed: 1, seconds });
      }
      return step;
    }
  }
  return undefined;
}

/** Why a check cannot run, or undefined. */
function whyNot({ needs, missing }) {
  if (interrupted !== undefined) return 'interrupted';
  const isBroken =
    brokenStep !== undefined && everything.indexOf(brokenStep) <= everything.indexOf(needs);
  return isBroken ? `because the set-up failed at '${brokenStep}'` : missing?.();
}

async function runCheck({ name, command, quick, env, count, silence = usualSilence }, title) {
  console.log(`\n${title} …`);
  const begun = performance.now();
  const [program, ...args] = values.quick && quick !== true ? quick : command;
  const plain = { NO_COLOR: '1', FORCE_COLOR: '0', CARGO_TERM_COLOR: 'never', ...env };
  const { code, text, hung } = await run(program, args, { env: plain, output: 'tee', silence });
  if (interrupted !== undefined) {
    notRun.push(`${name}: interrupted`);
    return;
  }
  const result = { name, ...verdict(code, count?.(text)), seconds: secondsSince(begun), text };
  results.push(result);
  const word = result.failed === 0 ? 'ok' : 'FAILED';
  const why = hung ? `, stopped because it printed nothing for ${silence} s` : '';
  console.log(`${title}: ${word} in ${result.seconds.toFixed(1)} s${why}`);
}

/** The exit code decides: an error without a failed test is one failure, and so is a run without any test. */
function verdict(code, counts) {
  if (counts === undefined) return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  const isRed = code !== 0 || counts.passed === 0;
  return { passed: counts.passed, failed: Math.max(counts.failed, isRed ? 1 : 0) };
}

function report() {
  for (const { name, failed, text } of results) {
    if (failed > 0 && text !== undefined) console.log(`\n${name}, again:\n${failures(text)}`);
  }
  console.log('\ncheck            passed  failed     time');
  for (const { name, passed, failed, seconds } of results) {
    const numbers = `${String(passed).padStart(7)} ${String(failed).padStart(7)}`;
    const time = `${seconds.toFixed(1)} s`.padStart(9);
    console.log(`${name.padEnd(15)} ${numbers} ${time}${failed > 0 ? '  FAILED' : ''}`);
  }
  for (const line of notRun) console.log(line);
  for (const { name, failed, text } of results) {
    if (failed > 0) for (const line of failedTests(text ?? '')) console.log(`${name}: ${line}`);
  }
  const [passed, failed] = [total('passed'), total('failed')];
  console.log(`\n${notRun.length} not run\n${passed} passed, ${failed} failed`);
  process.exitCode = interrupted ?? (failed === 0 && passed > 0 ? 0 : 1);
}

function total(key) {
  return results.reduce((sum, result) => sum + result[key], 0);
}
