/** The programs of docs/recipes.md. */
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

import { socket as openSocket } from 'edgepoll/fd';

import { receiveAll, receiveExactly, send } from '../../support/net.js';
import { folder, run } from '../../support/process.js';
import type { Drives } from './drive.js';
import { dialled, prints, started } from './drive.js';

/** The error of a connection that the program resets. The reset may come before Node.js reports the connect. */
async function resetCode(host: string): Promise<string | undefined> {
  const [error] = (await once(connect({ port: 7000, host }), 'error')) as [NodeJS.ErrnoException];
  return error.code;
}

export const recipes: Drives = {
  chat: async (t, path, host) => {
    const child = started(t, path);
    const [one, other] = [await dialled(t, child, host), await dialled(t, child, host)];
    // Once the server has accepted both, each gets the other's lines.
    await send(one, 'hello\n');
    const received = String(await receiveExactly(other, 'N: hello\n'.length));
    t.regex(received, /^\d: hello\n$/);
  },
  'line-protocol': async (t, path, host) => {
    const child = started(t, path);
    const peer = await dialled(t, child, host);
    await send(peer, 'set name value of it\r\nget name\nget other\nelse\n');
    const answers = 'ok\nvalue of it\nnothing\nerror: get KEY, or set KEY VALUE\n';
    t.is(String(await receiveExactly(peer, answers.length)), answers);
    await send(peer, 'x'.repeat(2000));
    t.false((await receiveAll(peer)).bytes.length > 0);
    t.is(child.process.exitCode, null);
  },
  signals: async (t, path) => {
    const child = started(t, path);
    t.is(await child.line(), `ready ${child.process.pid}`);
    child.process.kill('SIGUSR1');
    t.is(await child.line(), `SIGUSR1 from ${process.pid}`);
    child.process.kill('SIGTERM');
    t.like(await child.ended, { code: 0, signal: null, stderr: '' });
  },
  timeout: async (t, path) => prints(t, path, 'TimeoutError\n'),
  silence: async (t, path, host) => {
    const child = started(t, path);
    const peer = await dialled(t, child, host);
    t.is(await child.line(), 'no byte moved within idleTimeout (100 ms)');
    t.is((await receiveAll(peer)).bytes.length, 0);
  },
  stdin: async (t, path) => {
    const input = join(folder(t), 'input');
    writeFileSync(input, 'x'.repeat(100_000));
    for (const words of ['exec "$@" < "$INPUT"', 'cat "$INPUT" | "$@"']) {
      const { code, stdout } = await run('sh', ['-c', words, 'sh', process.execPath, path], {
        INPUT: input,
      });
      t.deepEqual({ code, stdout }, { code: 0, stdout: '100000 bytes\n' });
    }
  },
  pass: async (t, path) => prints(t, path, `a file ${readFileSync(path, 'latin1').slice(0, 7)}\n`),
  'error-queue': async (t, path, host) => {
    const child = started(t, path);
    t.is(await child.line(), 'ECONNREFUSED ping');
    const other = openSocket('inet', 'dgram');
    t.teardown(() => other.close());
    other.send('a message', { family: 'inet', address: host, port: 7000 });
    t.is(await child.line(), 'received a message');
  },
  proxy: async (t, path, host) => {
    const child = started(t, path);
    const target = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      // It answers once everything has arrived, so the client's end must have been passed on.
      socket.resume().once('end', () => socket.end('answer'));
    });
    target.listen(7001, host);
    await once(target, 'listening');
    t.teardown(() => target.close());
    const client = await dialled(t, child, host);
    client.end(Buffer.alloc(5_000_000));
    const { bytes, fin } = await receiveAll(client);
    t.is(bytes.toString(), 'answer');
    t.true(fin);
    target.on('connection', (socket) => socket.resetAndDestroy());
    t.is(await resetCode(host), 'ECONNRESET');
    t.is(child.process.exitCode, null);
  },
  'per-address': async (t, path, host) => {
    const child = started(t, path);
    const [one, other] = [await dialled(t, child, host), await dialled(t, child, host)];
    for (const socket of [one, other]) {
      await send(socket, 'x');
      await receiveExactly(socket, 1);
    }
    t.is(await resetCode(host), 'ECONNRESET');
    t.is(await child.line(), '127.0.0.1: 1 refused, address-limit');
    t.true((await receiveAll(one.end())).fin);
    const next = await dialled(t, child, host);
    await send(next, 'x');
    t.is(String(await receiveExactly(next, 1)), 'x');
  },
  threads: async (t, path, host) => {
    const child = started(t, path);
    const seen = new Set<string>();
    while (seen.size < 2) {
      const peer = await dialled(t, child, host);
      await send(peer, 'hello\n');
      const line = String(await receiveExactly(peer, 'hello from thread N\n'.length));
      t.regex(line, /^hello from thread \d\n$/);
      seen.add(line);
      peer.destroy();
    }
    t.is(seen.size, 2);
  },
  'unix-server': async (t, path) => {
    const cwd = folder(t);
    const child = started(t, path, cwd);
    t.is(await child.line(), 'listening');
    const peer = connect(join(cwd, 'echo.sock'));
    t.teardown(() => peer.destroy());
    await once(peer, 'connect');
    const bytes = Buffer.alloc(1_000_000, 'unix');
    peer.end(bytes);
    const received = await receiveAll(peer);
    t.true(received.bytes.equals(bytes));
    t.true(received.fin);
    child.process.kill('SIGTERM');
    t.like(await child.ended, { code: 0, signal: null, stderr: '' });
    t.false(existsSync(join(cwd, 'echo.sock')));
  },
  syslog: async (t, path) => {
    const at = join(folder(t), 'log');
    const log = openSocket('unix', 'dgram');
    t.teardown(() => log.close());
    log.bind({ family: 'unix', path: at });
    const { code, stderr } = await run(process.execPath, [path, at]);
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    t.is(log.receiveMessage()?.data.toString(), '<14>my-program: started');
  },
};
