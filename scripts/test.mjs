// npm test: the set-up, then every check, then a table and one line `N passed, N failed`. One job:
// run the list of lib/checks.mjs; a failing check does not keep the others from running.
// Options: --only NAME,NAME   --fast (leaves out the slow ones)   --list

import { parseArgs } from 'node:util';
import { checks } from './lib/checks.mjs';
import { failures } from './lib/failures.mjs';
import { run, stopAll } from './lib/run.mjs';
import { SetupError } from './lib/toolchain.mjs';
import { everything, setUp } from './setup.mjs';

// Everything together ends within this; a check that hangs must not take the report with it.
const budgetSeconds = 18 * 60;
const started = performance.now();

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    fast: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

if (values.list) {
  for (const { name, slow } of checks) console.log(slow ? `${name} (not with --fast)` : name);
  process.exit(0);
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopAll();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  });
}

const results = [];
const leftOut = [];
const chosen = choose();
if (await setUpAll()) {
  for (const [index, check] of chosen.entries()) {
    const title = `[${index + 1}/${chosen.length}] ${check.name}`;
    const missing = check.missing?.();
    if (missing === undefined) results.push(await runCheck(check, title));
    else leftOut.push(`${check.name}: left out, ${missing}`);
  }
}
report();

function choose() {
  const names = values.only?.split(',');
  const unknown = names?.filter((name) => !checks.some((check) => check.name === name)) ?? [];
  if (unknown.length > 0) {
    console.error(`There is no check '${unknown.join(', ')}'; see npm test -- --list`);
    process.exit(2);
  }
  if (names !== undefined) return checks.filter(({ name }) => names.includes(name));
  return checks.filter(({ slow }) => !(slow && values.fast));
}

/** A step that fails is one failure; only without the npm packages no check can say anything. */
async function setUpAll() {
  for (const step of everything) {
    const begun = performance.now();
    try {
      await setUp([step], { sayNothingToDo: false });
    } catch (error) {
      console.error(error instanceof SetupError ? `set-up: ${error.message}` : error);
      const name = `set-up ${step}`;
      results.push({ name, passed: 0, failed: 1, seconds: secondsSince(begun) });
      if (step === 'install') return false;
    }
  }
  return true;
}

async function runCheck({ name, command: [program, ...args], env, count }, title) {
  console.log(`\n${title} …`);
  const begun = performance.now();
  const seconds = Math.max(1, budgetSeconds - secondsSince(started));
  const plain = { NO_COLOR: '1', FORCE_COLOR: '0', CARGO_TERM_COLOR: 'never', ...env };
  const { code, text, timedOut } = await run(program, args, { env: plain, output: 'tee', seconds });
  const result = { name, ...verdict(code, count?.(text)), seconds: secondsSince(begun), text };
  const took = `${result.seconds.toFixed(1)} s`;
  console.log(
    `${title}: ${result.failed === 0 ? 'ok' : 'FAILED'} in ${took}${timedOut ? ', out of time' : ''}`,
  );
  return result;
}

/** The exit code has the last word: red without a failed test is one failure, and so is no test. */
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
  for (const line of leftOut) console.log(line);
  console.log(`\n${total('passed')} passed, ${total('failed')} failed`);
  process.exitCode = total('failed') === 0 ? 0 : 1;
}

function total(key) {
  return results.reduce((sum, result) => sum + result[key], 0);
}

function secondsSince(moment) {
  return (performance.now() - moment) / 1000;
}
