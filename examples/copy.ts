/**
 * Copies stdin to a file, reading only when stdin is ready:
 * `npm run --silent example -- copy [--engine epoll|poll|select] FILE < input`.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';

import type { Engine } from 'edgepoll';
import { EdgepollError, Poller } from 'edgepoll';

const STDIN = 0;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { engine: { type: 'string', default: 'epoll' } },
});
const [path, ...others] = positionals;
if (path === undefined || others.length > 0) {
  process.stderr.write('usage: copy [--engine epoll|poll|select] FILE\n');
  process.exit(2);
}

const buffer = Buffer.alloc(65_536);

/** Copies what one read gives; false at the end of the input. */
function copyOnce(input: number, output: number): boolean {
  let length: number;
  try {
    length = readSync(input, buffer);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN') return true;
    // A terminal that went away is the end of what was typed.
    if (code === 'EIO') return false;
    throw error;
  }
  for (let at = 0; at < length;) at += writeSync(output, buffer, at, length - at);
  return length > 0;
}

async function copy(poller: Poller, output: number): Promise<void> {
  try {
    poller.register(STDIN);
  } catch (error) {
    poller.close();
    // A file never makes its reader wait. poll and select say so at each look; epoll refuses it.
    if (!(error instanceof EdgepollError) || error.code !== 'ERR_NOT_POLLABLE') throw error;
    while (copyOnce(STDIN, output));
    return;
  }
  // One read per event: stdin may be blocking, and only the first read is known not to wait.
  for await (const { fd } of poller) if (!copyOnce(fd, output)) break;
}

// The poller says which engines there are. It comes first: a wrong word must not cost a file.
const poller = new Poller({ engine: values.engine as Engine });
const output = openSync(path, 'w');
try {
  await copy(poller, output);
} finally {
  closeSync(output);
}
