// Lets one set-up of this clone run at a time, so that two examples started together do not build into the same folder.
// The lock is a name in the kernel's table of Unix sockets: it is free again when its holder ends, however it ends.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { inProject } from './root.mjs';

// A name that begins with NUL is no file. It may have 107 bytes, which a path may exceed.
const name = `\0edgepoll-${createHash('sha256').update(inProject()).digest('hex')}`;

/** Runs `task` while no other process does so for this clone. Calls `onWait` once if it has to wait. */
export async function alone(task, onWait) {
  const server = createServer();
  for (let tries = 0; !(await take(server)); tries += 1) {
    if (tries === 0) onWait();
    await wait(200);
  }
  try {
    return await task();
  } finally {
    server.close();
  }
}

/** Whether the lock is ours now. */
async function take(server) {
  server.listen(name);
  try {
    await once(server, 'listening');
    return true;
  } catch (error) {
    if (error.code === 'EADDRINUSE') return false;
    throw error;
  }
}
