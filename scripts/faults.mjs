// Proves that the tests can fail: puts known faults, one at a time, into a copy of the crates and
// demands that the tests turn red; the copy without a fault must be green. One job: apply, run, judge.
// Never touches the working tree: the copy and its build lie in target/faults. Run by `npm test`.
// Options: --only TEXT (faults whose name holds it)

import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { core, faults } from './faults/list.mjs';
import { inProject } from './lib/root.mjs';

const copy = inProject('target/faults/copy');
const target = inProject('target/faults/build');
// A fault may make a test run for ever: that is red as well, once this is over.
const secondsPerFault = 90;
// The first run builds everything, maybe beside other work.
const secondsToBuild = 400;
const seeds = '3000';

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const chosen = faults.filter(({ name }) => name.includes(values.only));

let [passed, failed] = [0, 0];
makeCopy();
if (!judge('without a fault', await runTests(core, secondsToBuild), 'green')) {
  console.log('No fault can be judged while the tests fail without one.');
} else {
  for (const fault of chosen) await tryFault(fault);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 1 ? 0 : 1;

function makeCopy() {
  rmSync(copy, { recursive: true, force: true });
  for (const path of ['Cargo.toml', 'Cargo.lock', 'crates', 'benchmark']) {
    const filter = (source) => !source.includes('/node_modules');
    if (existsSync(inProject(path)))
      cpSync(inProject(path), `${copy}/${path}`, { recursive: true, filter });
  }
}

async function tryFault({ name, command = core, alsoIn = [], ...edit }) {
  const edits = [edit, ...alsoIn];
  const restore = [];
  try {
    for (const { file, find, replace } of edits) {
      const before = readFileSync(`${copy}/${file}`, 'utf8');
      const count = before.split(find).length - 1;
      if (count !== 1) throw new Error(`its text stands ${count} times in ${file}, not once`);
      restore.push(() => writeFileSync(`${copy}/${file}`, before));
      writeFileSync(
        `${copy}/${file}`,
        before.replace(find, () => replace),
      );
    }
    judge(name, await runTests(command), 'red');
  } catch (error) {
    failed += 1;
    console.log(`NOT APPLIED  ${name}: ${error.message}`);
  } finally {
    for (const undo of restore.toReversed()) undo();
  }
}

/** Red is a test that failed or never ended; a fault that does not compile proves nothing. */
function judge(name, { code, text, seconds }, wanted) {
  const isRed = code === 124 || (code !== 0 && text.includes('test result: FAILED'));
  const colour = code === 0 ? 'green' : isRed ? 'red' : 'broken';
  const isRight = colour === wanted;
  if (isRight) passed += 1;
  else failed += 1;
  const why = /^(?:EDGEPOLL_SEED=.+\n)?(?:\d+: .+|panicked: .+)$/m
    .exec(text)?.[0]
    .split('\n')
    .at(-1);
  const detail = wanted === 'red' && isRight ? `  (${(why ?? redTests(text)).slice(0, 90)})` : '';
  console.log(
    `${isRight ? 'ok  ' : 'FAIL'} ${colour.padEnd(6)} ${seconds.toFixed(1).padStart(5)} s  ${name}${detail}`,
  );
  if (!isRight) console.log(text.split('\n').slice(-40).join('\n'));
  return isRight;
}

function redTests(text) {
  const names = [...text.matchAll(/^test (\S+) \.\.\. FAILED$/gm)].map((match) => match[1]);
  return names.length === 0 ? 'out of time' : names.join(', ');
}

function runTests([program, args], limit = program === 'cargo' ? secondsPerFault : secondsToBuild) {
  const began = performance.now();
  const env = {
    ...process.env,
    CARGO_TARGET_DIR: target,
    CARGO_TERM_COLOR: 'never',
    EDGEPOLL_SEEDS: seeds,
    RUST_BACKTRACE: '0',
  };
  return new Promise((resolve) => {
    const limited = ['-k', '5', String(limit)];
    const child = spawn('timeout', [...limited, program, ...args], {
      cwd: copy,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    }
    child.on('error', (error) => resolve({ code: 127, text: error.message, seconds: 0 }));
    child.on('close', (code) =>
      resolve({ code, text, seconds: (performance.now() - began) / 1000 }),
    );
  });
}
