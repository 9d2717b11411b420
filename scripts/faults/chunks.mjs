// Runs the tests of chunk memory against an addon built from the faulty copy. One job: build, run, tell red from
// broken in the words that faults.mjs reads. Runs in the copy; never touches the project's own addon. Arguments: the
// file of tests, and how the title of the test begins that must see the fault.

import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { inProject } from '../lib/root.mjs';

const [file, title] = process.argv.slice(2);
const addon = `${process.cwd()}/edgepoll.node`;
const build = spawnSync('cargo', ['build', '--locked', '-p', 'edgepoll-node'], {
  encoding: 'utf8',
});
if (build.status !== 0) {
  console.log(build.stderr);
  process.exit(2);
}
copyFileSync(`${process.env.CARGO_TARGET_DIR}/debug/libedgepoll_node.so`, addon);
// Only that test: under a fault the others may wait for what never comes.
const tests = spawnSync('npx', ['ava', `build/__test__/${file}.spec.js`, `--match=${title}*`], {
  cwd: inProject('.'),
  encoding: 'utf8',
  env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: addon },
});
console.log(tests.stdout, tests.stderr);
// An addon that does not load fails too, but proves nothing.
const isSeen = (tests.stdout + tests.stderr).includes(`[fail]: ${title}`);
if (tests.status !== 0 && isSeen)
  console.log(`test ${title.replaceAll(/\W+/g, '_')} ... FAILED\ntest result: FAILED`);
process.exit(tests.status === 0 ? 0 : 1);
