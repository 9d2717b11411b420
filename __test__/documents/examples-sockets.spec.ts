/** The examples that pass descriptors and datagrams over Unix sockets, run as users run them. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import test from 'ava';
import { pipe, socket } from 'edgepoll/fd';

import { eventually } from '../support/eventually.js';
import type { Child } from '../support/process.js';
import { folder, run, start } from '../support/process.js';

const npm = ['run', '--silent', 'example', '--'];

/** Starts the receiver with its stdout in a file, and waits until it listens. */
async function receiver(path: string, output: string): Promise<Child> {
  const command = `npm run --silent example -- fd-pass receive '${path}' > '${output}'`;
  const child = start('sh', ['-c', command]);
  child.process.stdin.end();
  const [line] = (await once(createInterface({ input: child.process.stderr }), 'line')) as [string];
  if (line !== `listening on ${path}`) throw new Error(`not a ready line: ${line}`);
  return child;
}

test('fd-pass: a file in one process is read by another', async (t) => {
  const [path, input, output] = ['socket', 'input', 'output'].map((name) =>
    join(folder(t), name),
  ) as [string, string, string];
  const bytes = randomBytes(300_000);
  writeFileSync(input, bytes);
  const child = await receiver(path, output);
  const sent = await run('npm', [...npm, 'fd-pass', 'send', path, input]);
  t.deepEqual({ code: sent.code, stderr: sent.stderr }, { code: 0, stderr: '' });
  const { code, stderr } = await child.ended;
  t.deepEqual({ code, stderr }, { code: 0, stderr: `listening on ${path}\n` });
  const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
  t.is(digest(readFileSync(output)), digest(bytes));
  t.false(existsSync(path), 'the socket is gone');
});

test('fd-pass: the receiver gets the open file, with its position, although its path is gone', async (t) => {
  const [path, input, output] = ['socket', 'input', 'output'].map((name) =>
    join(folder(t), name),
  ) as [string, string, string];
  writeFileSync(input, 'taken\npassed on\n');
  const child = await receiver(path, output);
  const command = 'exec < "$INPUT"; rm "$INPUT"; read -r line; npm run --silent example -- "$@"';
  const words = ['-c', command, 'sh', 'fd-pass', 'send', path, '-'];
  const sender = start('sh', words, { INPUT: input });
  const sent = await sender.ended;
  t.deepEqual({ code: sent.code, stderr: sent.stderr }, { code: 0, stderr: '' });
  t.is((await child.ended).code, 0);
  t.is(readFileSync(output, 'utf8'), 'passed on\n');
});

test('fd-pass: a non-blocking pipe that is empty between two writes', async (t) => {
  const [path, output] = ['socket', 'output'].map((name) => join(folder(t), name)) as [
    string,
    string,
  ];
  const child = await receiver(path, output);
  const { reader, writer } = pipe();
  const connection = socket('unix', 'seqpacket');
  t.true(connection.connect({ family: 'unix', path }));
  connection.sendMessage({ data: 'a pipe', descriptors: [reader] });
  for (const each of [connection, reader]) each.close();
  writer.write('one\n');
  // Once the line is in the file, the receiver has emptied the pipe and waits.
  await eventually('the first line', () => readFileSync(output, 'utf8') === 'one\n');
  writer.write('two\n');
  writer.close();
  const { code, stderr } = await child.ended;
  t.deepEqual({ code, stderr }, { code: 0, stderr: `listening on ${path}\n` });
  t.is(readFileSync(output, 'utf8'), 'one\ntwo\n');
});

test('fd-pass: no receiver, and bad arguments', async (t) => {
  const path = join(folder(t), 'socket');
  const refused = await run('npm', [...npm, 'fd-pass', 'send', path, '/dev/null']);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /^fd-pass: .*ENOENT: .*\n$/);
  for (const words of [[], ['send', path], ['receive', path, 'more'], ['receive'], ['other']]) {
    const { code, stderr } = await run('npm', [...npm, 'fd-pass', ...words]);
    t.is(code, 2);
    t.regex(stderr, /^usage: fd-pass send SOCKET FILE \| fd-pass receive SOCKET$/m);
  }
});

for (const kind of ['path', 'abstract'] as const) {
  test(`notify: one datagram, to a socket by ${kind} name`, async (t) => {
    const path = join(folder(t), 'notify');
    const manager = socket('unix', 'dgram');
    t.teardown(() => manager.close());
    manager.bind({ family: 'unix', path: kind === 'path' ? path : `\0${path}` });
    if (kind === 'path') t.true(statSync(path).isSocket());
    manager.setPassCredentials(true);
    const messages = manager.values({ credentials: true });
    const next = messages.next();

    const child = start('npm', [...npm, 'notify', 'READY=1', 'STATUS=at your service'], {
      NOTIFY_SOCKET: kind === 'path' ? path : `@${path}`,
    });
    const { value: message } = await next;
    t.is(message?.data.toString(), 'READY=1\nSTATUS=at your service');
    t.is(message?.credentials?.uid, process.getuid?.());
    t.true((message?.credentials?.pid ?? 0) > 0);
    const { code, stdout, stderr } = await child.ended;
    t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
    t.is(manager.receiveMessage(), null, 'one');
  });
}

test('notify: waits while the queue is full', async (t) => {
  const path = join(folder(t), 'notify');
  const manager = socket('unix', 'dgram');
  t.teardown(() => manager.close());
  manager.bind({ family: 'unix', path });
  const filler = socket('unix', 'dgram');
  t.teardown(() => filler.close());
  let before = 0;
  while (filler.send('filler', { family: 'unix', path }) !== null) before += 1;
  t.true(before > 0);

  const child = start('npm', [...npm, 'notify', 'READY=1'], { NOTIFY_SOCKET: path });
  // The datagram comes last, because the queue was full before it was sent.
  const seen: string[] = [];
  for await (const { data } of manager) {
    seen.push(data.toString());
    if (seen.at(-1) === 'READY=1') break;
  }
  t.is(seen.length, before + 1);
  const { code, stderr } = await child.ended;
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

test('notify: no socket is named, no socket is there, no state is given', async (t) => {
  const unset = { NOTIFY_SOCKET: undefined };
  const cases = [
    [['READY=1'], unset, 1, /^notify: \$NOTIFY_SOCKET must be a path.*\n$/],
    [['READY=1'], { NOTIFY_SOCKET: 'relative' }, 1, /^notify: \$NOTIFY_SOCKET must be a path.*\n$/],
    [['READY=1'], { NOTIFY_SOCKET: join(folder(t), 'none') }, 1, /^notify: .*ENOENT: .*\n$/],
    [[], unset, 2, /^usage: notify NAME=VALUE …$/m],
  ] as const;
  for (const [words, env, expected, text] of cases) {
    const { code, stdout, stderr } = await run('npm', [...npm, 'notify', ...words], env);
    t.deepEqual({ code, stdout }, { code: expected, stdout: '' });
    t.regex(stderr, text);
  }
});
