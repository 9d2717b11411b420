/** What an import of the packed package changes in the process: nothing that a program could notice. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { run } from '../support/process.js';
import { project } from './helpers.js';

const script = `
  import { readdirSync } from 'node:fs';
  import { readFile } from 'node:fs/promises';
  // Starts libuv's threads, which the import of any file needs.
  await readFile('/proc/self/stat');
  const state = () => ({
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    globals: Reflect.ownKeys(globalThis).length,
    listeners: process.eventNames().length,
  });
  const before = state();
  for (const name of ['edgepoll', 'edgepoll/fd', 'edgepoll/epoll']) await import(name);
  console.log(JSON.stringify([before, state()]));
`;

test('importing opens no descriptor, starts no thread, adds no global and no listener of the process', async (t) => {
  const file = join(await project(t), 'program.mjs');
  writeFileSync(file, script);
  const { stdout, stderr } = await run(process.execPath, [file]);
  t.is(stderr, '');
  const [before, after] = JSON.parse(stdout) as [unknown, unknown];
  t.deepEqual(after, before);
});
