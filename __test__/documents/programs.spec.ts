/**
 * Every program of README.md and docs/*.md runs and does what its text says. The types matrix compiles them.
 * It must never leave one out: the table below and the documents have to name the same programs.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { ExecutionContext } from 'ava';
import test from 'ava';

import { receiveAll, receiveExactly, send } from '../support/net.js';
import type { Child } from '../support/process.js';
import { folder, root, run, start } from '../support/process.js';

/** A program of a document, ready to run. */
interface Program {
  name: string;
  file: string;
}

/** Stands for 127.0.0.1 of the documents: each program gets a loopback address of its own, so that all can use port 7000. */
function loopback(index: number): string {
  return `127.${100 + index}.${(process.pid >> 8) & 255}.${process.pid & 255}`;
}

/** Runs a program: starts it, sends it input, and checks its output. */
type Drive = (t: ExecutionContext, path: string, host: string) => Promise<void>;

/** Connects as soon as the program listens. */
async function dialled(t: ExecutionContext, child: Child, host: string): Promise<Socket> {
  let isOver = false;
  child.process.once('exit', () => (isOver = true));
  for (;;) {
    const socket = connect({ port: 7000, host, allowHalfOpen: true });
    const [error] = (await Promise.race([
      once(socket, 'connect').then(() => []),
      once(socket, 'error'),
    ]).catch((thrown: unknown) => [thrown])) as [NodeJS.ErrnoException?];
    if (error === undefined) {
      socket.on('error', () => {});
      t.teardown(() => socket.destroy());
      return socket;
    }
    // Only a successful connect shows that the program listens.
    if (error.code !== 'ECONNREFUSED' || isOver) throw error;
    await pause(5);
  }
}

/** Starts a program, which is ended with the test. */
function started(t: ExecutionContext, path: string, cwd = root): Child {
  const child = start('sh', ['-c', 'cd "$1" && exec "$2" "$3"', 'sh', cwd, process.execPath, path]);
  t.teardown(() => child.process.kill('SIGKILL'));
  return child;
}

/** Checks an echo server of the documents. */
async function echoes(t: ExecutionContext, child: Child, host: string): Promise<void> {
  const victim = await dialled(t, child, host);
  await send(victim, 'x'.repeat(200_000));
  victim.resetAndDestroy();
  // Reads nothing until everything is sent: 8 MB are more than the kernel keeps in both directions.
  const slow = await dialled(t, child, host);
  const large = Buffer.alloc(8_000_000, 'slow');
  slow.end(large);
  const quick = await dialled(t, child, host);
  await send(quick, 'quick');
  t.is(String(await receiveExactly(quick, 5)), 'quick');
  const received = await receiveAll(slow);
  t.true(received.bytes.equals(large), `${received.bytes.length} bytes, ${received.error}`);
  t.true(received.fin);
  t.is(child.process.exitCode, null);
}

const drives: Record<string, Drive> = {
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
  chat: async (t, path, host) => {
    const child = started(t, path);
    const [one, other] = [await dialled(t, child, host), await dialled(t, child, host)];
    // Once the server has accepted both, each gets the other's lines.
    await send(one, 'hello\n');
    const heard = String(await receiveExactly(other, 'N: hello\n'.length));
    t.regex(heard, /^\d: hello\n$/);
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
  timeout: async (t, path) => {
    t.deepEqual(await run(process.execPath, [path]), {
      code: 0,
      signal: null,
      stdout: 'TimeoutError\n',
      stderr: '',
    });
  },
  silence: async (t, path, host) => {
    const child = started(t, path);
    const peer = await dialled(t, child, host);
    t.is(await child.line(), 'silent for too long');
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
  pass: async (t, path) => {
    const { code, stdout, stderr } = await run(process.execPath, [path]);
    t.deepEqual(
      { code, stdout, stderr },
      { code: 0, stdout: `a file ${readFileSync(path, 'latin1').slice(0, 7)}\n`, stderr: '' },
    );
  },
  descriptors: async (t, path) => {
    const child = started(t, path);
    t.is(await child.line(), 'expired 1n times');
  },
  'error-queue': async (t, path) => {
    const { code, stdout, stderr } = await run(process.execPath, [path]);
    const said = 'ECONNREFUSED is anybody there?\n';
    t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: said, stderr: '' });
  },
  wait: async (t, path) => {
    const { code, stdout, stderr } = await run(process.execPath, [path]);
    t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
  },
  'epoll-module': async (t, path) => {
    const child = started(t, path);
    child.process.stdin.write('x');
    t.is(await child.line(), 'readable 0');
    t.is((await child.ended).code, 0);
  },
};

/** Programs that cannot run here, and why. The types matrix compiles them all the same. */
const notRun: Record<string, string> = {
  gpio: 'needs an exported GPIO pin',
  pressure:
    'waits until memory is short; readiness/once-only-events.spec.ts has the same trigger with CPU pressure',
  'bun-children': 'is about Bun.spawn()',
};

const folderOfAll = join(root, `build/documents-${process.pid}`);
const made = spawnSync(process.execPath, ['scripts/doc-programs.mjs', folderOfAll], {
  cwd: root,
  encoding: 'utf8',
});
const programs = (
  made.status === 0 ? JSON.parse(readFileSync(join(folderOfAll, 'programs.json'), 'utf8')) : []
) as Program[];
test.after.always(() => rmSync(folderOfAll, { recursive: true, force: true }));

test('the documents have programs, and each has a driver or a reason', (t) => {
  t.is(made.status, 0, made.stdout + made.stderr);
  const known = [...Object.keys(drives), ...Object.keys(notRun)];
  t.deepEqual(programs.map(({ name }) => name).toSorted(), known.toSorted());
});

for (const [index, { name, file }] of programs.entries()) {
  const drive = drives[name];
  if (drive !== undefined) {
    test(`${name} runs`, async (t) => {
      const path = join(folderOfAll, file);
      const host = loopback(index);
      const text = readFileSync(path, 'utf8').replaceAll('127.0.0.1', host);
      writeFileSync(path, text);
      await drive(t, path, host);
    });
  }
}
