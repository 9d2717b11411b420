/** The examples, run as users run them: `npm run --silent example -- NAME …`. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import type { ExecutionContext } from 'ava';
import test from 'ava';

import type { Ended } from '../support/process.js';
import { folder, run, start } from '../support/process.js';
import { interrupt, npm, serve } from './serving.js';

/** Runs an example in a shell, whose command opens the example's stdin. */
function shell(command: string, file: string, input: string, engine: string): Promise<Ended> {
  return run('sh', ['-c', command], { FILE: file, INPUT: input, ENGINE: engine });
}

async function client(t: ExecutionContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** The inodes of the sockets that listen on a port. */
function listeners(port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return fields
    .filter((row) => row[1]?.endsWith(`:${hex}`) === true && row[3] === '0A')
    .map((row) => row[9] ?? '');
}

for (const style of ['connection', 'events']) {
  test(`ready-line: echo --style ${style} serves from the pid that it prints`, async (t) => {
    const running = await serve(t, 'echo', '--style', style);
    const sockets = readdirSync(`/proc/${running.pid}/fd`).map((fd) =>
      readlinkSync(`/proc/${running.pid}/fd/${fd}`),
    );
    const inodes = listeners(running.port);
    t.is(inodes.length, 1);
    t.true(sockets.includes(`socket:[${inodes[0]}]`), 'the process has the listening socket');

    const bytes = randomBytes(2 ** 20);
    const socket = await client(t, running.port);
    socket.end(bytes);
    const back = createHash('sha256');
    let length = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      back.update(chunk);
      length += chunk.length;
    }
    t.is(length, bytes.length);
    t.is(back.digest('hex'), createHash('sha256').update(bytes).digest('hex'));
    await interrupt(t, running);
    t.deepEqual(listeners(running.port), []);
  });
}

test('ctrl-c: a server with open connections ends with 0', async (t) => {
  const running = await serve(t, 'echo');
  const socket = await client(t, running.port);
  socket.write('x');
  await once(socket, 'data');
  const over = once(
    socket.on('error', () => {}),
    'close',
  );
  await interrupt(t, running);
  await over;
});

test('chat: lines go to all clients, joins and leaves are reported', async (t) => {
  const running = await serve(t, 'chat');
  const enter = async () => {
    const socket = await client(t, running.port);
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    return { socket, line: async (): Promise<string | undefined> => (await lines.next()).value };
  };
  const joined = /^\* (.+) joined, (\d) here$/;

  const first = await enter();
  const [, one, alone] = joined.exec((await first.line()) ?? '') ?? [];
  t.is(alone, '1');
  const second = await enter();
  const [, two, both] = joined.exec((await second.line()) ?? '') ?? [];
  t.is(both, '2');
  t.not(one, two);
  t.is(await first.line(), `* ${two} joined, 2 here`);

  first.socket.write('hello\n');
  t.is(await first.line(), `${one}: hello`);
  t.is(await second.line(), `${one}: hello`);
  second.socket.write('good day\r\nhow a');
  second.socket.write('re you\n');
  for (const { line } of [first, second]) {
    t.is(await line(), `${two}: good day`);
    t.is(await line(), `${two}: how are you`);
  }

  second.socket.end();
  t.is(await first.line(), `* ${two} left, 1 here`);
  t.is(await second.line(), undefined);
  const third = await enter();
  const [, three] = joined.exec((await third.line()) ?? '') ?? [];
  t.is(await first.line(), `* ${three} joined, 2 here`);
  third.socket.resetAndDestroy();
  t.is(await first.line(), `* ${three} left, 1 here`);
  await interrupt(t, running);
});

test('chat: the longest line arrives whole, a longer one is refused, and bytes stay as they are', async (t) => {
  const running = await serve(t, 'chat');
  const socket = await client(t, running.port);
  const lines = createInterface({ input: socket.setEncoding('latin1') });
  const next = lines[Symbol.asyncIterator]();
  const line = async (): Promise<string> => String((await next.next()).value);
  const [, name] = /^\* (.+) joined/.exec(await line()) ?? [];
  for (const text of ['x'.repeat(65_536), '\xFF'.repeat(30_000), 'caf\xE9', '']) {
    socket.write(`${text}\n`, 'latin1');
    t.is(await line(), `${name}: ${text}`);
  }
  socket.write(`${'x'.repeat(65_537)}\n`);
  t.is(await line(), '* no line over 65536 bytes');
  await interrupt(t, running);
});

const copy = 'npm run --silent example -- copy --engine "$ENGINE" "$FILE"';
const ways: [name: string, command: string, bytes: Buffer][] = [
  ['a file', `${copy} < "$INPUT"`, randomBytes(300_000)],
  ['a pipe', `cat "$INPUT" | ${copy}`, randomBytes(300_000)],
  ['a tty', `cat "$INPUT" | script -qec '${copy}' /dev/null`, Buffer.from('one\ntwo\nthree\n')],
  ['a closed descriptor', `${copy} <&-`, Buffer.alloc(0)],
  ['an empty file', `${copy} < "$INPUT"`, Buffer.alloc(0)],
  ['an empty pipe', `: | ${copy}`, Buffer.alloc(0)],
  ['/dev/null', `${copy} < /dev/null`, Buffer.alloc(0)],
];

for (const engine of ['epoll', 'poll', 'select']) {
  for (const [name, command, bytes] of ways) {
    test(`copy: stdin is ${name}, ${engine}`, async (t) => {
      const [input, output] = ['input', 'output'].map((file) => join(folder(t), file)) as [
        string,
        string,
      ];
      writeFileSync(input, bytes);
      const { code, stderr } = await shell(command, output, input, engine);
      t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      t.true(readFileSync(output).equals(bytes));
    });
  }
}

test('copy: an unknown engine is refused before the file is touched', async (t) => {
  const output = join(folder(t), 'output');
  writeFileSync(output, 'still here');
  const { code, stderr } = await run('npm', [...npm, 'copy', '--engine=kqueue', output]);
  t.is(code, 2);
  const usage = 'usage: copy [--engine epoll|poll|select] FILE';
  t.is(stderr, `copy: engine must be 'epoll' or 'poll' or 'select', not 'kqueue'\n${usage}\n`);
  t.is(readFileSync(output, 'utf8'), 'still here');
});

test('copy: a pipe that is written slowly; an existing file is replaced', async (t) => {
  const output = join(folder(t), 'output');
  writeFileSync(output, 'longer than what comes');
  const child = start('npm', [...npm, 'copy', output]);
  child.process.stdin.write('one ');
  child.process.stdin.end('two');
  const { code, stderr } = await child.ended;
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  t.is(readFileSync(output, 'utf8'), 'one two');
});

test('copy: without a file argument, and into a folder that does not exist', async (t) => {
  const usage = await run('npm', [...npm, 'copy']);
  t.deepEqual(
    { code: usage.code, stderr: usage.stderr },
    { code: 2, stderr: 'usage: copy [--engine epoll|poll|select] FILE\n' },
  );
  const nowhere = join(folder(t), 'none', 'output');
  const { code, stderr } = await run('npm', [...npm, 'copy', nowhere]);
  t.is(code, 1);
  t.regex(stderr, /^copy: ENOENT: .*\n$/);
  const unknown = await run('npm', [...npm, 'copy', '--from=x', nowhere]);
  t.is(unknown.code, 2);
  t.regex(unknown.stderr, /^copy: .*'--from'.*\nusage: copy .*\n$/);
});

test('unknown-example: exit code 2 and the names of the examples', async (t) => {
  for (const name of [['nothing'], ['../echo'], []]) {
    const { code, stdout, stderr } = await run('npm', [...npm, ...name]);
    t.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    const names =
      'chat, copy, echo, fd-pass, notify, redis-like, run-until, watch-dir, websocket-chat';
    t.true(stderr.endsWith(`where NAME is ${names}\n`), stderr);
  }
});

test('bad-port: refused with the value, before anything listens', async (t) => {
  for (const port of ['70000', 'x', '', '1.5', '-1', '0x10', '1e3', ' 80']) {
    const { code, stdout, stderr } = await run('npm', [...npm, 'echo', `--port=${port}`]);
    t.deepEqual({ code, stdout }, { code: 2, stdout: '' }, `--port=${port}`);
    t.regex(
      stderr,
      /^echo: (--)?port must be an integer from 0 to 65535, not .*\nusage: echo .*\n$/,
    );
    t.true(stderr.includes(`not '${port}'`) || stderr.includes(`not ${port}`), stderr);
  }
});

test('bad-style and unknown option: refused', async (t) => {
  const style = await run('npm', [...npm, 'echo', '--style', 'x', '--port', '0']);
  t.deepEqual({ code: style.code, stdout: style.stdout }, { code: 2, stdout: '' });
  t.regex(style.stderr, /^echo: --style must be connection or events, not x\nusage: echo .*\n$/);
  const option = await run('npm', [...npm, 'chat', '--prot', '0']);
  t.deepEqual({ code: option.code, stdout: option.stdout }, { code: 2, stdout: '' });
  t.regex(option.stderr, /^chat: .*'--prot'.*\nusage: chat .*\n$/);
});

test('port-in-use: the error names the address', async (t) => {
  const running = await serve(t, 'echo');
  const { code, stderr } = await run('npm', [...npm, 'chat', '--port', String(running.port)]);
  t.is(code, 1);
  t.regex(stderr, new RegExp(`^chat: .*EADDRINUSE: .*127\\.0\\.0\\.1:${running.port}.*\\n$`));
  await interrupt(t, running);
});
