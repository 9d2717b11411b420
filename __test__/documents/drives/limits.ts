/** The programs of docs/limits.md. */
import { once } from 'node:events';
import { connect } from 'node:net';

import type { ExecutionContext } from 'ava';

import type { Socket } from '../../support/net.js';
import { receiveAll, receiveExactly, send } from '../../support/net.js';
import type { Drives } from './drive.js';
import { dialled, started } from './drive.js';

async function echoes(t: ExecutionContext, socket: Socket): Promise<void> {
  await send(socket, 'hello\n');
  t.is(String(await receiveExactly(socket, 6)), 'hello\n');
}

export const limits: Drives = {
  'open-internet': async (t, path, host) => {
    const child = started(t, path);
    await echoes(t, await dialled(t, child, host));
    // 20 connects at once are allowed, and the dials until the program listened were none.
    for (let count = 0; count < 40; count += 1) {
      const socket = connect({ port: 7000, host });
      t.teardown(() => socket.destroy());
      socket.on('error', () => {});
      await new Promise((resolve) => {
        socket.once('connect', resolve).once('close', resolve);
      });
    }
    t.regex((await child.line()) ?? '', /^refused \d+, at last 127\.0\.0\.1: accept-rate$/);
    child.process.kill('SIGUSR1');
    let line = await child.line();
    while (line !== undefined && !/overAcceptRate: [1-9]/.test(line)) line = await child.line();
    t.not(line, undefined);
    t.is(child.process.exitCode, null);
  },
  'behind-balancer': async (t, path, host) => {
    const child = started(t, path);
    for (let count = 0; count < 4; count += 1) await echoes(t, await dialled(t, child, host));
    const refused = await dialled(t, child, host);
    const { fin, bytes } = await receiveAll(refused);
    t.deepEqual({ fin, length: bytes.length }, { fin: true, length: 0 });
    // The program's own address is in its list.
    for (let count = 0; count < 20; count += 1) {
      const socket = connect({ port: 7000, host, localAddress: host });
      t.teardown(() => socket.destroy());
      await once(socket, 'connect');
      await echoes(t, socket);
    }
  },
};
