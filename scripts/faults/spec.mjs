// Runs one test of a spec for ../faults.mjs, and prints the lines by which it recognises a failed test.

import { spawnSync } from 'node:child_process';
import { inProject } from '../lib/root.mjs';

const ava = inProject('node_modules/ava/entrypoints/cli.mjs');

/**
 * Runs the tests of `build/__test__/FILE.spec.js` in `folder` whose titles begin with `title`, and exits with 0 if they pass. Only these
 * run: with a fault, others may wait for ever.
 */
export function runSpec(folder, file, title, env = {}) {
  const args = [ava, `build/__test__/${file}.spec.js`, `--match=${title}*`];
  const options = { cwd: folder, encoding: 'utf8', env: { ...process.env, ...env } };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  console.log(stdout, stderr);
  // Any other failure, such as an addon that does not load, does not count.
  const isSeen = (stdout + stderr).includes(`[fail]: ${title}`);
  if (status !== 0 && isSeen)
    console.log(`test ${title.replaceAll(/\W+/g, '_')} ... FAILED\ntest result: FAILED`);
  process.exit(status === 0 ? 0 : 1);
}
