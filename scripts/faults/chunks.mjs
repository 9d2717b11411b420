// Runs in the faulty copy of the crates. Builds the addon there, and runs one test of chunk memory against it. If that fails,
// prints the lines by which ../faults.mjs recognises a failed test. Arguments: the spec, and how the title of the test begins.

import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { inProject } from '../lib/root.mjs';
import { readArguments } from '../lib/usage.mjs';

const usage = 'node scripts/faults/chunks.mjs SPEC TITLE';
const [file, title] = readArguments(usage, { least: 2 }).positionals;
const addon = `${process.cwd()}/edgepoll.node`;
const build = spawnSync('cargo', ['build', '--locked', '-p', 'edgepoll-node'], {
  stdio: 'inherit',
});
if (build.status !== 0) process.exit(2);
copyFileSync(`${process.env.CARGO_TARGET_DIR}/debug/libedgepoll_node.so`, addon);
// Only that test: with a fault, the others may wait for ever.
const tests = spawnSync('npx', ['ava', `build/__test__/${file}.spec.js`, `--match=${title}*`], {
  cwd: inProject('.'),
  encoding: 'utf8',
  env: { ...process.env, EDGEPOLL_ADDON: addon },
});
console.log(tests.stdout, tests.stderr);
// Any other failure, such as an addon that does not load, does not count.
const isSeen = (tests.stdout + tests.stderr).includes(`[fail]: ${title}`);
if (tests.status !== 0 && isSeen)
  console.log(`test ${title.replaceAll(/\W+/g, '_')} ... FAILED\ntest result: FAILED`);
process.exit(tests.status === 0 ? 0 : 1);
