// README.md alone: its first command and its first program, from an empty folder, with nothing but node and npm on the PATH. The
// server has to answer within a minute.

import { ok } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { inProject } from '../../scripts/lib/root.mjs';
import { addPrograms, runServer } from './programs.mjs';

const mostSeconds = 60;
const command = /^```sh\n(.+)\n```$/m;
const program = /^```ts\n([^]+?)^```$/m;

async function firstMinute(user) {
  user.keepOnPath('node', 'npm');
  addPrograms(user);
  // As it stands in README.md, without a compiler of TypeScript.
  const server = firstBlock(program).replaceAll('127.0.0.1', user.host);
  writeFileSync(`${user.folder}/server.mjs`, server);
  const begun = performance.now();
  await user.run(...firstBlock(command).split(' '));
  await runServer(user, ['node']);
  const seconds = (performance.now() - begun) / 1000;
  ok(seconds < mostSeconds, `the server had answered after ${seconds} s`);
  return `the server had answered after ${seconds.toFixed(1)} s`;
}

function firstBlock(pattern) {
  const found = pattern.exec(readFileSync(inProject('README.md'), 'utf8'));
  if (found === null) throw new Error(`README.md has no block that matches ${pattern}`);
  return found[1];
}

export const first = { 'first-minute': firstMinute };
