/** Sockets of every family that this kernel supports: addresses, options, and datagrams, which have no end of stream. */
import { existsSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import test from 'ava';
import { watch } from 'edgepoll';
import type { FamilyName, OutgoingMessage, SocketAddress, SocketPairOptions } from 'edgepoll/fd';
import { EdgepollError, OwnedFd, pipe, Socket, socket, socketpair } from 'edgepoll/fd';

import { reportOf, runInjected } from '../support/injected.js';
import { drivers, exceptIn, folder, runtimeName, straceTest } from '../support/process.js';

const straceNotDeno =
  runtimeName === 'deno'
    ? exceptIn(['deno'], 'Deno takes other command-line arguments')
    : straceTest;

const host = '127.0.0.1';
const isLittle = endianness() === 'LE';

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
}

for (const driver of drivers) {
  test(`zero-length-datagram: five empty datagrams are five messages, and no end, ${driver}`, async (t) => {
    const [here, there] = socketpair({ type: 'dgram' });
    const events = watch(there, { driver });
    const space = Buffer.alloc(8);
    for (let count = 0; count < 5; count += 1) {
      t.is(here.send(''), 0);
      t.true((await events.next()).value?.readable);
      t.is(there.receive(space), 0);
    }
    await events.return?.();
    t.is(there.receive(space), null);

    for (let count = 0; count < 5; count += 1) here.send('');
    here.send('last');
    const lengths: number[] = [];
    for await (const message of there.values({ driver })) {
      lengths.push(message.length);
      if (message.length > 0) break;
    }
    t.deepEqual(lengths, [0, 0, 0, 0, 0, 4]);
    here.close();
    there.close();
  });

  for (const owner of ['its own', "a duplicate's"] as const) {
    test(`shut-down-datagrams: ${owner} shutdown ends the iteration, after the earlier datagrams, ${driver}`, async (t) => {
      const [here, there] = socketpair({ type: 'dgram' });
      const lengths: number[] = [];
      const over = (async () => {
        for await (const message of there.values({ driver })) lengths.push(message.length);
      })();
      // The iteration waits. After the shutdown the socket is always readable but gives nothing, so an iteration that missed
      // the end would poll for ever.
      await turn();
      for (const content of ['a', '', 'bc']) here.send(content);
      const other = owner === 'its own' ? undefined : Socket.adopt(there.duplicate().release());
      (other ?? there).shutdown('read');
      await over;
      t.deepEqual(lengths, [1, 0, 2]);
      for (const each of [here, there, other]) each?.close();
    });
  }

  test(`shut-down-datagrams: an iteration that begins later ends as well, ${driver}`, async (t) => {
    const one = socket('inet', 'dgram');
    one.bind({ family: 'inet', address: host, port: 0 });
    one.connect(one.localAddress);
    one.shutdown('both');
    t.true((await one.values({ driver }).next()).done);
    one.close();
  });

  for (const type of ['stream', 'seqpacket'] as const) {
    test(`unix ${type}: connects, transfers and ends, ${driver}`, async (t) => {
      const path = join(folder(t), 'socket');
      const listener = socket('unix', type);
      listener.bind({ family: 'unix', path });
      listener.listen();
      t.is(listener.accept(), null);
      const client = socket('unix', type);
      t.true(client.connect({ family: 'unix', path }));
      await client.connected({ driver });
      const incoming = watch(listener, { driver });
      await incoming.next();
      await incoming.return?.();
      const accepted = listener.accept();
      t.deepEqual(accepted?.from, { family: 'unix', path: '' });
      t.deepEqual(client.remoteAddress, { family: 'unix', path });
      t.deepEqual(listener.localAddress, { family: 'unix', path });
      const server = accepted?.socket;
      if (server === undefined) throw new Error('nothing was accepted');
      t.is(client.send('one'), 3);
      t.is(client.write('two'), 3);
      client.shutdown('write');
      const got: string[] = [];
      for await (const message of server.values({ driver })) got.push(message.data.toString());
      t.deepEqual(got, type === 'stream' ? ['onetwo'] : ['one', 'two']);
      client.close();
      t.throws(() => server.send('x'), { code: 'EPIPE' });
      server.close();
      listener.close();
    });
  }

  test(`inet: a datagram's sender, truncation with the true length, a stream's refusal, ${driver}`, async (t) => {
    const [receiver, sender] = [socket('inet', 'dgram'), socket('inet', 'dgram')];
    receiver.bind({ family: 'inet', address: host, port: 0 });
    sender.bind({ family: 'inet', address: host, port: 0 });
    const to = receiver.localAddress;
    t.like(to, { family: 'inet', address: host });
    sender.send('hello', to);
    const { value } = await receiver.values({ driver }).next();
    t.like(value, { length: 5, truncated: false });
    t.deepEqual(value?.from, sender.localAddress);
    sender.connect(to);
    sender.send('0123456789');
    const space = Buffer.alloc(4);
    const ready = watch(receiver, { driver });
    await ready.next();
    await ready.return?.();
    t.deepEqual(receiver.receiveFrom(space), {
      length: 10,
      truncated: true,
      from: sender.localAddress,
    });
    sender.connect({ family: 'unspecified' });
    t.throws(() => sender.send('x'), { code: 'EDESTADDRREQ' });
    sender.close();
    receiver.close();

    const reserved = socket('inet', 'stream');
    reserved.bind({ family: 'inet', address: host, port: 0 });
    const client = socket('inet', 'stream');
    const refused = async (): Promise<void> => {
      client.connect(reserved.localAddress);
      await client.connected({ driver });
    };
    await t.throwsAsync(refused, { code: 'ECONNREFUSED' });
    // The kernel gives the error once; connected() must give it each time.
    for (let again = 0; again < 2; again += 1)
      await t.throwsAsync(client.connected({ driver }), {
        code: 'ECONNREFUSED',
        message: /connect/,
      });
    // A new attempt has a result of its own. The kernel requires a disconnect before it.
    reserved.listen();
    client.connect({ family: 'unspecified' });
    client.connect(reserved.localAddress);
    await client.connected({ driver });
    client.close();
    reserved.close();
  });

  test(`connected: a socket that was never connected is not, ${driver}`, async (t) => {
    for (const [family, type] of [
      ['inet', 'stream'],
      ['unix', 'stream'],
      ['inet', 'dgram'],
    ] as const) {
      const one = socket(family, type);
      await t.throwsAsync(one.connected({ driver }), { code: 'ENOTCONN' }, `${family} ${type}`);
      one.close();
      await t.throwsAsync(one.connected({ driver }), { code: 'ERR_CLOSED' });
    }
    const [here, there] = socketpair({ type: 'dgram' });
    await here.connected({ driver });
    here.close();
    there.close();
  });

  test(`netlink: the route table's dump, ${driver}`, async (t) => {
    const routes = socket('netlink', 'raw', { protocol: 0 });
    routes.bind({ family: 'netlink', pid: 0, groups: 0 });
    t.is((routes.localAddress as { family: string }).family, 'netlink');
    // struct nlmsghdr: length, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sequence, port; then struct rtgenmsg.
    const request = Uint32Array.of(20, 0, 7, 0, 0);
    new Uint16Array(request.buffer).set([18, 0x301], 2);
    routes.send(new Uint8Array(request.buffer), { family: 'netlink', pid: 0, groups: 0 });
    const kinds = new Set<number>();
    for await (const { data, from } of routes.values({ driver })) {
      t.deepEqual(from, { family: 'netlink', pid: 0, groups: 0 });
      const view = new DataView(data.buffer, data.byteOffset, data.length);
      for (let at = 0; at < data.length; at += (view.getUint32(at, isLittle) + 3) & ~3)
        kinds.add(view.getUint16(at + 4, isLittle));
      // NLMSG_DONE
      if (kinds.has(3)) break;
    }
    t.deepEqual([...kinds], [16, 3]);
    routes.close();
  });
}

test('unix dgram: abstract names, also with NUL inside, and peek', (t) => {
  const path = `\0edgepoll-test-${process.pid}\0${Math.random()}`;
  const [receiver, sender] = [socket('unix', 'dgram'), socket('unix', 'dgram')];
  receiver.bind({ family: 'unix', path });
  t.deepEqual(receiver.localAddress, { family: 'unix', path });
  sender.send('hi', { family: 'unix', path });
  t.is(text(receiver.receiveMessage({ peek: true })?.data), 'hi');
  t.is(text(receiver.receiveMessage()?.data), 'hi');
  t.is(receiver.receiveMessage(), null);
  // An empty path has the kernel choose a name.
  sender.bind({ family: 'unix', path: '' });
  sender.send('named', { family: 'unix', path });
  t.deepEqual(receiver.receiveMessage()?.from, sender.localAddress);
  t.regex((sender.localAddress as { path: string }).path, /^\0[0-9a-f]{5}$/);
  receiver.close();
  sender.close();
});

test('path-truncated: too long, or with NUL inside, is refused before the call, and nothing is made', (t) => {
  const base = folder(t);
  const unix = socket('unix', 'stream');
  const longest = `${base}/${'x'.repeat(107 - base.length - 1)}`;
  const long = `${longest}x`;
  for (const use of [unix.bind.bind(unix), unix.connect.bind(unix)]) {
    const error = t.throws(() => use({ family: 'unix', path: long }), { code: 'ENAMETOOLONG' });
    t.true(error instanceof EdgepollError);
    t.throws(() => use({ family: 'unix', path: `${base}/a\0b` }), { instanceOf: RangeError });
    // Bytes count, not characters.
    t.throws(() => use({ family: 'unix', path: 'ä'.repeat(54) }), { code: 'ENAMETOOLONG' });
    t.throws(() => use({ family: 'unix', path: `\0${'x'.repeat(108)}` }), { code: 'ENAMETOOLONG' });
  }
  t.throws(() => unix.send('x', { family: 'unix', path: long }), { code: 'ENAMETOOLONG' });
  t.false(existsSync(longest));
  unix.bind({ family: 'unix', path: longest });
  t.true(existsSync(longest));
  t.deepEqual(unix.localAddress, { family: 'unix', path: longest });
  unix.close();
});

test('backlog-full: connect() of a Unix socket throws EAGAIN instead of reporting a connection', (t) => {
  const path = `\0edgepoll-full-${process.pid}-${Math.random()}`;
  const listener = socket('unix', 'stream');
  listener.bind({ family: 'unix', path });
  listener.listen(0);
  const clients = [socket('unix', 'stream'), socket('unix', 'stream')] as const;
  t.true(clients[0].connect({ family: 'unix', path }));
  t.throws(() => clients[1].connect({ family: 'unix', path }), { code: 'EAGAIN' });
  for (const each of [listener, ...clients]) each.close();
});

test('options: read back as they were set', (t) => {
  const udp = socket('inet', 'dgram');
  udp.setBroadcast(true);
  udp.setReuseAddress(true);
  udp.setTtl(7);
  t.deepEqual([udp.getOption(1, 6), udp.getOption(1, 2), udp.getOption(0, 2)], [1, 1, 7]);
  udp.setOption(1, 6, false);
  t.is(udp.getOption(1, 6), 0);
  udp.joinGroup('239.1.2.3', 'lo');
  t.throws(() => udp.joinGroup('239.1.2.3', 'lo'), { code: 'EADDRINUSE' });
  udp.leaveGroup('239.1.2.3', 'lo');
  t.throws(() => udp.leaveGroup('239.1.2.3', 'lo'), { code: 'EADDRNOTAVAIL' });
  t.throws(() => udp.joinGroup('239.1.2.3', 'no-such-interface'), { code: 'ENODEV' });
  // struct linger, as bytes in the machine's order.
  const linger = Buffer.from(Int32Array.of(1, 5).buffer);
  udp.setOption(1, 13, linger);
  t.deepEqual(udp.getOptionBytes(1, 13), linger);
  t.throws(() => udp.getOption(1, 9999), { code: 'ENOPROTOOPT' });
  t.throws(() => udp.setTtl(0), { instanceOf: RangeError });
  t.throws(() => udp.setOption(1, 6, 'on' as unknown as number), { instanceOf: TypeError });
  udp.close();
});

straceNotDeno('unknown-errno: a number without a name is an error, not a success', async (t) => {
  // ENOTSUPP is internal to the kernel, but some drivers return it.
  const listening = { calls: 'listen', inject: 'listen:error=524' };
  const { ended } = await runInjected(t, listening, 'fd-errno');
  const refused = { code: 'EIO', errno: -5, syscall: 'listen' };
  t.deepEqual(reportOf(ended), { byNumber: refused, byServer: refused });
});

test('adopt: a released socket is adopted; a pipe is refused and stays open', (t) => {
  const [here, there] = socketpair({ type: 'seqpacket' });
  const again = Socket.adopt(there.release());
  here.send('abcdef');
  t.like(again.receiveMessage({ length: 2 }), { length: 6, truncated: true });
  here.close();
  again.close();
  const { reader, writer } = pipe();
  const number = reader.release();
  t.throws(() => Socket.adopt(number), { code: 'ENOTSOCK' });
  const owned = OwnedFd.adopt(number);
  t.is(owned.read(Buffer.alloc(1)), null);
  owned.close();
  writer.close();
});

for (const [family, type, protocol] of [
  ['can', 'raw', 1],
  ['vsock', 'stream', 0],
  ['inet6', 'dgram', 0],
  [27, 'raw', 0],
] as [FamilyName | number, 'raw' | 'stream' | 'dgram', number][]) {
  test(`family ${family}: supported, or a coded error`, (t) => {
    try {
      const one = socket(family, type, { protocol });
      t.true(typeof one.localAddress.family === typeof family);
      one.close();
    } catch (error) {
      t.true(error instanceof EdgepollError);
      const { code, syscall } = error as EdgepollError;
      t.true(['EAFNOSUPPORT', 'ESOCKTNOSUPPORT', 'EPROTONOSUPPORT'].includes(code), code);
      t.is(syscall, 'socket');
    }
  });
}

test('vsock: localAddress gives the bound address', (t) => {
  let one: Socket;
  try {
    one = socket('vsock', 'stream');
  } catch (error) {
    t.is((error as EdgepollError).code, 'EAFNOSUPPORT');
    return;
  }
  one.bind({ family: 'vsock', cid: 2 ** 32 - 1, port: 2 ** 32 - 1 });
  t.like(one.localAddress, { family: 'vsock', cid: 2 ** 32 - 1 });
  one.close();
});

test('bad-input: addresses, families and types', (t) => {
  const one = socket('inet', 'dgram');
  const bad: [unknown, typeof TypeError | typeof RangeError][] = [
    [undefined, TypeError],
    [{ family: 'inet', address: 'localhost', port: 1 }, RangeError],
    [{ family: 'inet', address: '1.2.3', port: 1 }, RangeError],
    [{ family: 'inet', address: host, port: 65_536 }, RangeError],
    [{ family: 'inet', address: host, port: '1' }, TypeError],
    [{ family: 'inet', port: 1 }, TypeError],
    [{ family: 'inet6', address: host, port: 1 }, RangeError],
    [{ family: 'inet6', address: 'fe80::1%lo', port: 1 }, RangeError],
    [{ family: 'nope' }, RangeError],
    [{ family: 'can' }, TypeError],
    [{ family: 'netlink', pid: -1, groups: 0 }, RangeError],
    [{ family: 99_999, data: new Uint8Array() }, RangeError],
    [{ family: 18, data: new Uint8Array(127) }, RangeError],
    [{ family: 18, data: 'x' }, TypeError],
    [{ family: 18, data: null }, TypeError],
    [{ family: 'unix', path: null }, TypeError],
    [{ family: 'netlink', pid: null }, TypeError],
    [{ family: 'netlink', groups: null }, TypeError],
    [{ family: 'vsock', port: 1, cid: null }, TypeError],
    ...[0, 1, 2, 10, 16, 29, 40].map(
      (family) =>
        [{ family, data: new Uint8Array(14) }, RangeError] as [unknown, typeof RangeError],
    ),
  ];
  for (const [address, kind] of bad) {
    const name = JSON.stringify(address);
    t.throws(() => one.bind(address as SocketAddress), { instanceOf: kind }, name);
    t.throws(() => one.connect(address as SocketAddress), { instanceOf: kind }, name);
    if (address !== undefined)
      t.throws(() => one.send('x', address as SocketAddress), { instanceOf: kind }, name);
  }
  t.throws(() => socket('nope' as 'unix', 'stream'), { instanceOf: RangeError });
  t.throws(() => socket('unix', 'nope' as 'stream'), { instanceOf: RangeError });
  t.throws(() => socket('unix', 2048), { instanceOf: RangeError });
  for (const options of [{ family: null }, { type: null }])
    t.throws(() => socketpair(options as unknown as SocketPairOptions), { instanceOf: TypeError });
  for (const message of [{ data: null }, { descriptors: null }])
    t.throws(() => one.sendMessage(message as unknown as OutgoingMessage), {
      instanceOf: TypeError,
    });
  t.throws(() => one.receive(new Uint8Array(0)), { instanceOf: RangeError });
  t.throws(() => one.receiveMessage({ length: 0 }), { instanceOf: RangeError });
  t.throws(() => one.receiveMessage({ descriptors: 254 }), { instanceOf: RangeError });
  t.throws(() => one.shutdown('none' as 'both'), { instanceOf: RangeError });
  one.close();
  t.throws(() => one.bind({ family: 'inet', address: host, port: 0 }), { code: 'ERR_CLOSED' });
  t.throws(() => one.send('x'), { code: 'ERR_CLOSED' });
});
