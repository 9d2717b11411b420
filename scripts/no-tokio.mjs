// Fails when anything we build depends on tokio: the reactor is the only event loop. One job: read
// cargo's answer, which is an error or an empty tree when there is no such package. Called by the tests.

import { spawnSync } from 'node:child_process';
import { inProject } from './lib/root.mjs';

const args = ['tree', '--locked', '--workspace', '--edges', 'normal', '--invert', 'tokio'];
const { stdout, stderr, status, error } = spawnSync('cargo', args, {
  cwd: inProject(),
  encoding: 'utf8',
});
if (error !== undefined) throw error;

// Any other failure of cargo must not pass for an answer.
const isAbsent = /did not match any packages|nothing to print/.test(stderr);
if (stdout.trim() !== '' || !isAbsent) {
  console.error(`no-tokio: cargo tree ended with code ${status}\n${stdout}${stderr}`);
  process.exit(1);
}
console.log('no-tokio: nothing depends on tokio');
