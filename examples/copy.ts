/**
 * Copies stdin to a file, reading only when stdin is ready:
 * `npm run --silent example -- copy [--engine epoll|poll|select] FILE < input`.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';

import type { Engine } from 'edgepoll';
import { EdgepollError, Poller } from 'edgepoll';

import { fail, refuse } from './support/end.js';

const STDIN = 0;
const USAGE = 'copy [--engine epoll|poll|select] FILE';

/** Parses the arguments. The poller checks the engine's name before the file is opened, because opening the file empties it. */
function readArguments(): { path: string | undefined; poller: Poller } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { engine: { type: 'string', default: 'epoll' } },
    });
    const [path, ...others] = positionals;
    const poller = new Poller({ engine: values.engine as Engine });
    return { path: others.length === 0 ? path : undefined, poller };
  } catch (error) {
    return refuse('copy', error, USAGE);
  }
}

const { path, poller } = readArguments();
if (path === undefined) {
  process.stderr.write(`usage: ${USAGE}\n`);
  process.exit(2);
}

const buffer = Buffer.alloc(65_536);

/** Copies the bytes of one read. Returns false at the end of the input. */
function copyOnce(input: number, output: number): boolean {
  let length: number;
  try {
    length = readSync(input, buffer);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN') return true;
    // The other side of the terminal is gone, which is its end.
    if (code === 'EIO') return false;
    throw error;
  }
  for (let at = 0; at < length;) at += writeSync(output, buffer, at, length - at);
  return length > 0;
}

async function copy(from: Poller, output: number): Promise<void> {
  try {
    from.register(STDIN);
  } catch (error) {
    from.close();
    // A file is always ready. poll and select report it as ready, and epoll refuses it.
    if (!(error instanceof EdgepollError) || error.code !== 'ERR_NOT_POLLABLE') throw error;
    while (copyOnce(STDIN, output));
    return;
  }
  // One read per event: stdin may be blocking, and a second read could wait.
  for await (const { fd } of from) if (!copyOnce(fd, output)) break;
}

try {
  const output = openSync(path, 'w');
  try {
    await copy(poller, output);
  } finally {
    closeSync(output);
  }
} catch (error) {
  fail('copy', error);
}
