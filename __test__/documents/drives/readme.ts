/** The programs of README.md. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { receiveAll, receiveExactly, send } from '../../support/net.js';
import { folder, run } from '../../support/process.js';
import type { Drives } from './drive.js';
import { dialled, echoes, started } from './drive.js';

export const readme: Drives = {
  server: async (t, path, host) => {
    const child = started(t, path);
    t.is(await child.line(), 'listening on 7000');
    await echoes(t, child, host);
  },
  connections: async (t, path, host) => echoes(t, started(t, path), host),
  watch: async (t, path) => {
    const child = started(t, path);
    child.process.stdin.write('first\n');
    t.is(await child.line(), 'first');
    child.process.stdin.end('last\n');
    t.like(await child.ended, { code: 0, stdout: 'first\nlast\n', stderr: '' });
  },
  poller: async (t, path) => {
    const { code, stdout } = await run(process.execPath, [path]);
    t.is(code, 0);
    t.deepEqual(stdout.trim().split('\n').toSorted(), ['counted 3n', 'expired 1n']);
  },
  inotify: async (t, path) => {
    const watched = folder(t);
    const child = started(t, path, watched);
    // The program prints nothing before the first change, so the test repeats the change until it prints.
    const first = child.line();
    let number = 0;
    const timer = setInterval(() => writeFileSync(join(watched, `file${(number += 1)}`), ''), 20);
    t.teardown(() => clearInterval(timer));
    t.regex((await first) ?? '', /^create file\d+$/);
  },
  connect: async (t, path, host) => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    echo.listen(7000, host);
    await once(echo, 'listening');
    t.teardown(() => echo.close());
    const { code, stdout, stderr } = await run(process.execPath, [path]);
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    t.is(stdout, "hello{ cause: 'ended', error: undefined, bytesUnsent: 0 }\n");
  },
  shutdown: async (t, path, host) => {
    const child = started(t, path);
    const peer = await dialled(t, child, host);
    await send(peer, 'before');
    t.is(String(await receiveExactly(peer, 6)), 'before');
    child.process.kill('SIGTERM');
    const { fin } = await receiveAll(peer.end());
    t.true(fin);
    t.like(await child.ended, { code: 0, signal: null, stdout: 'closed\n', stderr: '' });
  },
  data: async (t, path, host) => {
    const child = started(t, path);
    const peer = await dialled(t, child, host);
    await send(peer, 'a\nb\n');
    t.is(String(await receiveExactly(peer, 14)), 'line 1\nline 2\n');
  },
};
