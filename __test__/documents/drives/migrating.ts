/** The programs of docs/migrating.md: each pair, before and after, does the same. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import type { ExecutionContext } from 'ava';

import { folder } from '../../support/process.js';
import { start } from '../../support/process.js';
import type { Drives } from './drive.js';
import { echoes, started } from './drive.js';

const echo = async (t: ExecutionContext, path: string, host: string): Promise<void> =>
  echoes(t, started(t, path), host);

/** A timer expires and standard input is copied, in one loop. */
async function timerAndInput(
  t: ExecutionContext,
  child: ReturnType<typeof start>,
  expired: string,
): Promise<void> {
  t.is(await child.line(), expired);
  child.process.stdin.write('first\n');
  t.is(await child.line(), 'first');
  child.process.stdin.end('last\n');
  const stdout = `${expired}\nfirst\nlast\n`;
  t.like(await child.ended, { code: 0, stdout, stderr: '' });
}

/** One descriptor is watched by a callback or a loop, until its input ends. */
async function input(t: ExecutionContext, path: string): Promise<void> {
  const child = started(t, path);
  child.process.stdin.write('one\n');
  t.is(await child.line(), 'one');
  child.process.stdin.end();
  t.like(await child.ended, { code: 0, stdout: 'one\n', stderr: '' });
}

export const migrating: Drives = {
  'from-net-before': echo,
  'from-net-after': echo,
  'from-bun-after': echo,
  'to-stream': async (t, path, host) => {
    const cwd = folder(t);
    const bytes = 'x'.repeat(300_000);
    const server = createServer((socket) => socket.end(bytes));
    server.listen(7000, host);
    await once(server, 'listening');
    t.teardown(() => server.close());
    const { code, stderr } = await started(t, path, cwd).ended;
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const output = join(cwd, 'received.gz');
    t.true(existsSync(output));
    t.is(gunzipSync(readFileSync(output)).toString(), bytes);
  },
  'from-epoll-before': input,
  'from-epoll-after': input,
  'from-c-before': async (t, path) => timerAndInput(t, start(path, []), 'expired 1'),
  'from-c-after': async (t, path) => timerAndInput(t, started(t, path), 'expired 1n'),
};
