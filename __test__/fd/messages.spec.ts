/** Ancillary data of messages: descriptors and credentials. */
import { closeSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';
import { watch } from 'edgepoll';
import type { Message } from 'edgepoll/fd';
import { EdgepollError, eventfd, socket, socketpair } from 'edgepoll/fd';

import { countOpen, targetOf } from '../support/descriptors.js';
import { drivers, fixture, folder, runFixture, start } from '../support/process.js';

test('unrequested-descriptors: 200 with one byte, 1,000 times, and none is left', async (t) => {
  const { code, stdout, stderr } = await runFixture('fd-flood');
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  t.deepEqual(JSON.parse(stdout), { bytes: 1000, kept: 750, truncated: 750, most: 3, leaked: 0 });
});

const SO_PASSPIDFD = 76;

test('unrequested-descriptors: the sender’s pidfd that comes with each message is closed', (t) => {
  const pidfds = (): number => countOpen((target) => target.includes('pidfd'));
  for (const type of ['stream', 'dgram', 'seqpacket'] as const) {
    const [here, there] = socketpair({ type });
    try {
      there.setOption(1, SO_PASSPIDFD, true);
    } catch (error) {
      t.is((error as EdgepollError).code, 'ENOPROTOOPT', 'before Linux 6.5');
      return;
    }
    const counter = eventfd();
    const before = pidfds();
    for (const options of [{}, { credentials: true }, { descriptors: 1 }, { descriptors: 4 }]) {
      const wanted = options.descriptors ?? 0;
      here.sendMessage({ data: 'x', ...(wanted > 0 ? { descriptors: [counter] } : {}) });
      const { descriptors = [] } = there.receiveMessage(options) ?? {};
      t.is(descriptors.length, Math.min(wanted, 1));
      for (const one of descriptors) one.close();
    }
    t.is(pidfds(), before, type);
    for (const each of [here, there, counter]) each.close();
  }
});

for (const driver of drivers) {
  test(`descriptors: open files go to another process, and its credentials come back, ${driver}`, async (t) => {
    const path = join(folder(t), 'socket');
    const listener = socket('unix', 'stream');
    listener.bind({ family: 'unix', path });
    listener.setPassCredentials(true);
    listener.listen();
    const child = start(process.execPath, [fixture('fd-receiver'), path]);
    let server = listener.accept()?.socket;
    for await (const event of watch(listener, { driver })) {
      if (event.readable) server = listener.accept()?.socket;
      if (server !== undefined) break;
    }
    if (server === undefined) throw new Error('nothing was accepted');
    server.setPassCredentials(true);
    const first = await server.values({ driver, credentials: true }).next();
    t.is(first.value?.data.toString(), 'here');
    t.deepEqual(first.value?.credentials, {
      pid: child.process.pid ?? 0,
      uid: process.getuid?.() ?? -1,
      gid: process.getgid?.() ?? -1,
    });
    const file = join(folder(t), 'file');
    writeFileSync(file, 'what is in it');
    const opened = [openSync(file, 'r'), openSync(file, 'r')];
    t.is(server.sendMessage({ data: '.', descriptors: opened }), 1);
    const counter = eventfd({ initial: 1 });
    t.is(server.sendMessage({ data: '.', descriptors: [counter] }), 1);
    for (const fd of opened) closeSync(fd);
    server.close();
    const { code, stdout, stderr } = await child.ended;
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    t.deepEqual(JSON.parse(stdout), {
      reported: ['what is in it', 'what is in it', '\u0001\0\0\0\0\0\0\0'],
      closeOnExec: true,
    });
    // Both processes share the open file: the child has read the counter.
    t.is(counter.read(), null);
    counter.close();
    listener.close();
  });
}

test('descriptors: the most that a message carries, one more, and one that is closed', (t) => {
  const [here, there] = socketpair({ type: 'seqpacket' });
  const counter = eventfd();
  const most = Array.from({ length: 253 }, () => counter);
  t.is(here.sendMessage({ data: 'x', descriptors: most }), 1);
  const message = there.receiveMessage({ descriptors: 253 });
  t.is(message?.descriptors.length, 253);
  t.false(message?.descriptorsTruncated);
  const [first] = message?.descriptors ?? [];
  t.is(targetOf(first?.fd ?? -1), 'anon_inode:[eventfd]');
  const inode = (fd: number): number => statSync(`/proc/self/fd/${fd}`).ino;
  t.is(inode(first?.fd ?? -1), inode(counter.fd));
  for (const descriptor of message?.descriptors ?? []) descriptor.close();
  t.throws(() => here.sendMessage({ descriptors: [...most, counter] }), { instanceOf: RangeError });
  t.throws(() => here.sendMessage({ descriptors: ['3' as unknown as number] }), {
    instanceOf: TypeError,
  });
  const { fd } = counter;
  counter.close();
  t.throws(() => here.sendMessage({ data: 'x', descriptors: [counter] }), { code: 'ERR_CLOSED' });
  const bad = t.throws(() => here.sendMessage({ data: 'x', descriptors: [1_000_000] }), {
    code: 'EBADF',
  });
  t.like(bad, { fd: 1_000_000, syscall: 'sendmsg' });
  t.true(bad instanceof EdgepollError, `after fd ${fd}`);
  t.is(there.receiveMessage(), null);
  here.close();
  there.close();
});

test('truncated: with fewer descriptors requested than sent the rest is closed, and the message says so', (t) => {
  const [here, there] = socketpair({ type: 'dgram' });
  there.setPassCredentials(true);
  const counter = eventfd();
  for (const [wanted, credentials] of [
    [0, true],
    [0, false],
    [1, true],
    [2, false],
    [3, true],
    [4, false],
  ] as const) {
    here.sendMessage({ data: 'x', descriptors: [counter, counter, counter] });
    const message: Message | null = there.receiveMessage({ descriptors: wanted, credentials });
    t.is(message?.descriptors.length, Math.min(wanted, 3));
    t.is(message?.descriptorsTruncated, wanted < 3);
    t.is(message?.credentials?.pid, credentials ? process.pid : undefined);
    for (const descriptor of message?.descriptors ?? []) descriptor.close();
  }
  counter.close();
  here.close();
  there.close();
});

test('credentials: a process may send its own, another process’s need a privilege', (t) => {
  const [here, there] = socketpair({ type: 'dgram' });
  there.setPassCredentials(true);
  const own = { pid: process.pid, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  here.sendMessage({ data: 'x', credentials: own });
  t.deepEqual(there.receiveMessage({ credentials: true })?.credentials, own);
  here.send('y');
  t.is(there.receiveMessage()?.credentials, undefined);
  // No process has this number: a privileged sender gets ESRCH, any other EPERM.
  const error = t.throws(
    () => here.sendMessage({ data: 'x', credentials: { ...own, pid: 2 ** 31 - 1 } }),
    { instanceOf: EdgepollError },
  );
  t.true(['ESRCH', 'EPERM'].includes(error?.code ?? ''), error?.code);
  t.throws(() => here.sendMessage({ data: 'x', credentials: { ...own, uid: -1 } }), {
    instanceOf: RangeError,
  });
  here.close();
  there.close();
});

test('without bytes: a stream would drop descriptors and credentials, so the message is refused', (t) => {
  const [here, there] = socketpair();
  const counter = eventfd();
  const me = { pid: process.pid, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  there.setPassCredentials(true);
  const beside = [
    { descriptors: [counter] },
    { credentials: me },
    { descriptors: [counter], credentials: me },
    { control: [{ level: 'SOL_SOCKET', type: 0x7f, data: new Uint8Array(4) }] },
  ] as const;
  for (const [index, message] of beside.entries()) {
    for (const data of [undefined, '', Buffer.alloc(0)]) {
      t.throws(() => here.sendMessage({ data, ...message }), {
        instanceOf: TypeError,
        code: 'ERR_INVALID_ARG_VALUE',
        message: /^data must have at least one byte: on a stream socket descriptors, /,
      });
    }
    t.is(there.receiveMessage(), null, `${index}: nothing was sent`);
  }
  // Without ancillary data an empty message loses nothing, so it is accepted.
  t.is(here.sendMessage({ data: '' }), 0);
  t.is(here.sendMessage({ descriptors: [], control: [] }), 0);
  t.is(there.receiveMessage(), null);
  t.is(here.sendMessage({ data: '!', descriptors: [counter], credentials: me }), 1);
  const message = there.receiveMessage({ descriptors: 1, credentials: true });
  t.deepEqual([message?.descriptors.length, message?.credentials], [1, me]);
  message?.descriptors[0]?.close();
  here.close();
  there.close();
  for (const type of ['dgram', 'seqpacket'] as const) {
    const [one, other] = socketpair({ type });
    t.is(one.sendMessage({ descriptors: [counter] }), 0, `${type}: an empty message carries them`);
    const empty = other.receiveMessage({ descriptors: 1 });
    t.is(empty?.descriptors.length, 1);
    empty?.descriptors[0]?.close();
    one.close();
    other.close();
  }
  counter.close();
});

test('would-wait: a full queue gives null and takes nothing', (t) => {
  const [here, there] = socketpair({ type: 'dgram' });
  let sent = 0;
  while (here.send('x') !== null) sent += 1;
  t.true(sent > 0);
  let received = 0;
  while (there.receiveMessage() !== null) received += 1;
  t.is(received, sent);
  here.close();
  there.close();
});

test('shared-memory: a message from and into a SharedArrayBuffer', (t) => {
  const [here, there] = socketpair({ type: 'dgram' });
  const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(7);
  t.is(here.send(shared), 4);
  shared.fill(0);
  t.like(there.receiveFrom(shared), { length: 4, truncated: false });
  t.deepEqual([...shared], [7, 7, 7, 7]);
  here.close();
  there.close();
});
