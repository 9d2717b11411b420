// Proves that the tests can fail: puts known faults, one at a time, into a copy of the project, where the tests must then
// fail. Without a fault they must pass. The working tree stays as it is: the copy and its build lie in target/faults.
// Options: --only TEXT (faults whose name holds it)

import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { core } from './faults/commands.mjs';
import { faults } from './faults/list.mjs';
import { inProject } from './lib/root.mjs';
import { run, testSilence } from './lib/run.mjs';
import { readArguments } from './lib/usage.mjs';

const copy = inProject('target/faults/copy');
const target = inProject('target/faults/build');
const seeds = '3000';
/** Seconds without output after which a build counts as hanging: rustc says nothing while it compiles one crate. */
const buildSilence = 20 * 60;

const { values } = readArguments('npm run faults -- [--only TEXT]', {
  options: { only: { type: 'string', default: '' } },
});
const chosen = faults.filter(({ name }) => name.includes(values.only));

let [passed, failed] = [0, 0];
makeCopy();
if (!judge('without a fault', await runTests(core), 'green')) {
  console.log('No fault can be judged while the tests fail without one.');
} else {
  for (const fault of chosen) await tryFault(fault);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 1 ? 0 : 1;

function makeCopy() {
  rmSync(copy, { recursive: true, force: true });
  // The members of the workspace, and documents that they include.
  const crates = [
    'Cargo.toml',
    'Cargo.lock',
    'crates',
    'protocols',
    'benchmark',
    'README.md',
    'docs',
  ];
  // The package as its sources, and the compiled tests.
  const sources = ['package.json', 'tsconfig.json', 'tsconfig.base.json', 'ava.config.mjs', 'src'];
  const built = ['native', 'build/__test__', 'build/probe.node'];
  for (const path of [...crates, 'scripts/targets/probe', ...sources, ...built]) {
    const filter = (source) =>
      !/\/(?:node_modules|target)(?:\/|$)/.test(source.slice(inProject('').length));
    cpSync(inProject(path), `${copy}/${path}`, { recursive: true, filter });
  }
  symlinkSync(inProject('node_modules'), `${copy}/node_modules`);
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

/** `red`: a test failed or hung. `broken`: the command failed otherwise, for example because the fault does not compile. */
function judge(name, { code, text, hung, seconds }, wanted) {
  const isRed = hung || (code !== 0 && text.includes('test result: FAILED'));
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
  return names.length === 0 ? 'hung' : names.join(', ');
}

async function runTests([program, args]) {
  const began = performance.now();
  const env = {
    CARGO_TARGET_DIR: target,
    CARGO_TERM_COLOR: 'never',
    EDGEPOLL_SEEDS: seeds,
    RUST_BACKTRACE: '0',
  };
  if (program === 'cargo') {
    // Apart from the tests: silence during them means that they hang.
    const build = await run(program, [...args, '--no-run'], options(env, buildSilence));
    if (build.code !== 0) return { ...build, hung: false, seconds: secondsSince(began) };
  }
  // faults/spec.mjs shows the output of its tests at their end.
  const silence = program === 'cargo' ? testSilence : buildSilence;
  const result = await run(program, args, options(env, silence));
  return { ...result, seconds: secondsSince(began) };
}

function options(env, silence) {
  return { cwd: copy, env, output: 'keep', silence };
}

function secondsSince(began) {
  return (performance.now() - began) / 1000;
}
