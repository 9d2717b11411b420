/** The command lines of the scripts: `--help` prints the usage, and a wrong one ends with one line and code 2 before anything is done. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { run, root } from '../support/process.js';

/** The scripts that are programs. Those in folders are modules, unless they read arguments. */
const scripts = readdirSync(join(root, 'scripts'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.mjs') && !file.startsWith('lib/'))
  .filter((file) => !file.includes('/') || readsArguments(file));

function readsArguments(file: string): boolean {
  return /\bread(Arguments|PassedOn)\(|process\.argv\.slice/.test(
    readFileSync(join(root, 'scripts', file), 'utf8'),
  );
}

const benchmarks = ['../benchmark/runner/main.mjs', '../benchmark/runner/attack/main.mjs'];
for (const script of [...scripts, ...benchmarks]) {
  test(`${script} --help`, async (t) => {
    const { code, stdout, stderr } = await run(process.execPath, [`scripts/${script}`, '--help']);
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    t.regex(stdout, /^(usage: )?(node|npm) .+\n/);
  });
}

for (const script of scripts) {
  test(`${script}: an unknown option`, async (t) => {
    const { code, stdout, stderr } = await run(process.execPath, [
      `scripts/${script}`,
      '--nonsense',
    ]);
    t.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    t.regex(stderr, /^unknown option '--nonsense'\. usage: (node|npm) .+\n$/i);
  });
}

const targets = 'linux-x64-gnu, linux-x64-musl';
const wrong: [args: string, text: string][] = [
  ['targets/try.mjs nonsense', `there is no target 'nonsense': all, or some of ${targets}, `],
  ['targets/build.mjs nonsense', `there is no target 'nonsense': all, or some of ${targets}, `],
  ['targets/run.mjs nonsense x.js', `there is no target 'nonsense': all, or some of ${targets}, `],
  ['targets/inspect.mjs nonsense', `there is no target 'nonsense': all, or some of ${targets}, `],
  ['release-check.mjs --targets x', `there is no target 'x': all, or some of ${targets}, `],
  ['targets/try.mjs', 'usage: npm run try:target -- NAME… | all '],
  ['targets/build.mjs', 'usage: npm run build:target -- NAME… | all '],
  ['targets/run.mjs', 'usage: node scripts/targets/run.mjs NAME '],
  ['targets/inspect.mjs', 'usage: node scripts/targets/inspect.mjs NAME… | all'],
  [
    'targets/npm-dirs.mjs more',
    "unknown argument 'more'. usage: node scripts/targets/npm-dirs.mjs ",
  ],
  ['portable.mjs', 'usage: node scripts/portable.mjs '],
  ['portable.mjs nonsense', 'name a runtime or a target: node, bun, deno, linux-x64-gnu, '],
  ['smoke.mjs nonsense', 'name a runtime or a target: node, bun, deno, linux-x64-gnu, '],
  ['setup.mjs nonsense', 'no step is named nonsense: install, native, '],
  ['pack.mjs', 'usage: node scripts/pack.mjs FOLDER '],
  ['pack.mjs x --targets linux-z80', 'no target is named linux-z80: '],
  ['e2e.mjs --only nonsense', "There is no case 'nonsense': node scripts/e2e.mjs --list "],
  ['test.mjs --only nonsense', "There is no check 'nonsense': npm test -- --list "],
  ['example.mjs nonsense', "There is no example 'nonsense'. usage: npm run "],
  ['types-matrix.mjs 4', "there is no compiler '4'. usage: "],
  ['import-time.mjs 0', 'RUNS is a number from 1 on. usage: '],
];

for (const [args, text] of wrong) {
  test(`scripts/${args}`, async (t) => {
    const [script = '', ...others] = args.split(' ');
    const ended = await run(process.execPath, [`scripts/${script}`, ...others]);
    t.deepEqual({ code: ended.code, stdout: ended.stdout }, { code: 2, stdout: '' });
    t.is(ended.stderr.slice(0, text.length), text);
    t.regex(ended.stderr, /^.+\n$/, 'it is one line');
  });
}
