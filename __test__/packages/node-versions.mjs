// Every version of Node.js that the package supports imports it on the main thread and in workers, and by require().

import { strictEqual } from 'node:assert';
import { addFixture, runPrograms } from './programs.mjs';
import { nodeVersions } from './tools.mjs';

async function everyWay(user, version) {
  user.useNode(version);
  await user.run('npm-10', 'install', 'edgepoll');
  await runPrograms(user, ['node']);
  strictEqual(await user.run('node', addFixture(user, 'worker.mjs')), 'smoke ok\nsmoke ok\n');
  strictEqual(await user.run('node', addFixture(user, 'require.cjs')), 'required\n');
}

export const nodes = Object.fromEntries(
  nodeVersions.map((version) => [`node-${version}`, (user) => everyWay(user, version)]),
);
