/** The programs of docs/getting-started.md, docs/errors.md and docs/protocols.md. */
import { once } from 'node:events';
import { createServer } from 'node:net';

import { receiveAll, receiveExactly, send } from '../../support/net.js';
import type { Drives } from './drive.js';
import { dialled, prints, started } from './drive.js';

export const guides: Drives = {
  'first-server': async (t, path, host) => {
    const child = started(t, path);
    t.is(await child.line(), 'listening on 7000');
    const peer = await dialled(t, child, host);
    await send(peer, 'hello\nwor');
    t.is(String(await receiveExactly(peer, 6)), 'HELLO\n');
    const victim = await dialled(t, child, host);
    await send(victim, 'x\n');
    await receiveExactly(victim, 2);
    victim.resetAndDestroy();
    await send(peer, 'ld\n');
    t.is(String(await receiveExactly(peer, 6)), 'WORLD\n');
    child.process.kill('SIGINT');
    t.true((await receiveAll(peer.end())).fin);
    const { code, signal, stderr } = await child.ended;
    t.deepEqual({ code, signal }, { code: 0, signal: null });
    t.regex(stderr, /^\d+ ECONNRESET\n$/);
  },
  'first-client': async (t, path, host) => {
    const server = createServer((socket) => {
      socket.once('data', (data) => socket.end(String(data).toUpperCase()));
    });
    server.listen(7000, host);
    await once(server, 'listening');
    t.teardown(() => server.close());
    await prints(t, path, 'HELLO\n');
  },
  'first-session': async (t, path, host) => {
    const child = started(t, path);
    const peer = await dialled(t, child, host);
    await send(peer, 'Ada\n');
    t.is(String(await receiveExactly(peer, 21)), 'your name?\nhello Ada\n');
    t.true((await receiveAll(peer.end())).fin);
    const early = await dialled(t, child, host);
    t.true((await receiveAll(early.end())).fin);
    t.is(child.process.exitCode, null);
  },
  'first-wait': async (t, path) => prints(t, path, 'expired 1n\n'),
  upgrade: async (t, path) => prints(t, path, '101 length-prefix\ntwo\nlines\n'),
  errors: async (t, path, host) => prints(t, path, `no server listens on ${host}:7000\n`),
};
