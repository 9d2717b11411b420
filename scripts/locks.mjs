// Checks the lock files. They must not say where packages were downloaded from, which would tie the project to one
// registry. Each must fit its package.json, since the set-up installs by it. And nothing may depend on tokio: the reactor
// is the only event loop.

import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { inProject } from './lib/root.mjs';
import { readArguments } from './lib/usage.mjs';

readArguments('node scripts/locks.mjs');

const cratesIo = 'registry+https://github.com/rust-lang/crates.io-index';
const read = (path) => readFileSync(inProject(path), 'utf8');
const lines = (path) => read(path).split('\n');
const wrong = [];

for (const folder of [
  '',
  'benchmark/',
  '__test__/hosts/',
  '__test__/packages/',
  '__test__/suites/',
]) {
  const path = `${folder}package-lock.json`;
  const wanted = JSON.parse(read(`${folder}package.json`));
  const locked = JSON.parse(read(path)).packages[''];
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    if (!isDeepStrictEqual(wanted[kind], locked[kind])) {
      wrong.push(`${path}: its ${kind} are not those of package.json; run npm install`);
    }
  }
  for (const line of lines(path)) {
    if (/"resolved": "(?!file:)/.test(line)) wrong.push(`${path}: ${line.trim()}`);
  }
}
for (const line of lines('Cargo.lock')) {
  if (line === 'name = "tokio"') wrong.push('Cargo.lock: something depends on tokio');
  const source = /^source = "(.*)"$/.exec(line)?.[1];
  if (source !== undefined && source !== cratesIo) wrong.push(`Cargo.lock: ${line}`);
}

if (wrong.length > 0) {
  console.error(`locks:\n${wrong.join('\n')}`);
  process.exit(1);
}
console.log('locks: they fit, and name no registry');
