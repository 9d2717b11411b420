/** Copies stdin to a file, reading only when stdin is ready: `npm run --silent example -- copy FILE < input`. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

import { EdgepollError, Poller } from 'edgepoll';

const STDIN = 0;
const path = process.argv[2];
if (path === undefined) {
  process.stderr.write('usage: copy FILE\n');
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

async function copy(output: number): Promise<void> {
  const poller = new Poller();
  try {
    poller.register(STDIN);
  } catch (error) {
    poller.close();
    // A file never makes its reader wait; there is nothing to poll for.
    if (!(error instanceof EdgepollError) || error.code !== 'ERR_NOT_POLLABLE') throw error;
    while (copyOnce(STDIN, output));
    return;
  }
  // One read per event: stdin may be blocking, and only the first read is known not to wait.
  for await (const { fd } of poller) if (!copyOnce(fd, output)) break;
}

const output = openSync(path, 'w');
try {
  await copy(output);
} finally {
  closeSync(output);
}
