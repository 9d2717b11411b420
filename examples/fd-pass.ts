/**
 * Hands an open file to another process, over a Unix socket (SCM_RIGHTS):
 *
 *     npm run --silent example -- fd-pass receive SOCKET > copy
 *     npm run --silent example -- fd-pass send SOCKET FILE        (`-` is its own stdin)
 *
 * The receiver copies the file to its stdout. It does not need the file's path.
 */
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';

import { watch } from 'edgepoll';
import type { Message, OwnedFd, UnixAddress } from 'edgepoll/fd';
import { socket } from 'edgepoll/fd';

import { fail } from './support/end.js';

/** Calls `attempt` until its result is not null, and waits for the descriptor after each null. */
async function retry<T>(
  on: OwnedFd,
  until: 'readable' | 'writable',
  attempt: () => T | null,
): Promise<T> {
  for (;;) {
    const result = attempt();
    if (result !== null) return result;
    for await (const _ of watch(on, { [until]: true })) break;
  }
}

async function send(to: UnixAddress, path: string): Promise<void> {
  const file = path === '-' ? 0 : openSync(path, 'r');
  const connection = socket('unix', 'seqpacket');
  try {
    if (!connection.connect(to)) await connection.connected();
    await retry(connection, 'writable', () =>
      connection.sendMessage({ data: 'a file', descriptors: [file] }),
    );
  } finally {
    connection.close();
    if (file !== 0) closeSync(file);
  }
}

/** Reads a file to its end. The file may also be a non-blocking pipe that is still empty. */
async function* contents(file: OwnedFd): AsyncGenerator<Buffer, void> {
  for (;;) {
    const space = Buffer.allocUnsafe(65_536);
    const length = await retry(file, 'readable', () => file.read(space));
    if (length === 0) return;
    yield space.subarray(0, length);
  }
}

async function receive(at: UnixAddress): Promise<void> {
  const listener = socket('unix', 'seqpacket');
  let message: Message;
  listener.bind(at);
  try {
    listener.listen();
    // On stderr, because stdout gets the file.
    process.stderr.write(`listening on ${at.path}\n`);
    const { socket: connection } = await retry(listener, 'readable', () => listener.accept());
    // Accepts one descriptor. Any others that came with it are closed.
    message = await retry(connection, 'readable', () =>
      connection.receiveMessage({ descriptors: 1 }),
    );
    connection.close();
  } finally {
    listener.close();
    unlinkSync(at.path);
  }
  const [file] = message.descriptors;
  if (file === undefined) throw new Error('the sender sent no file');
  try {
    await pipeline(contents(file), process.stdout);
  } finally {
    file.close();
  }
}

const [mode, path, file, ...others] = process.argv.slice(2);
try {
  if (mode === 'send' && path !== undefined && file !== undefined && others.length === 0) {
    await send({ family: 'unix', path }, file);
  } else if (mode === 'receive' && path !== undefined && file === undefined) {
    await receive({ family: 'unix', path });
  } else {
    process.stderr.write('usage: fd-pass send SOCKET FILE | fd-pass receive SOCKET\n');
    process.exitCode = 2;
  }
} catch (error) {
  fail('fd-pass', error);
}
