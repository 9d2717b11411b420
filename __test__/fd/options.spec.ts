/** Socket options as numbers and bytes; structures with types; Unix addresses that are not UTF-8. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';
import type { Constant, InetAddress, UnixAddress } from 'edgepoll/fd';
import { constants, PidFd, socket, socketpair } from 'edgepoll/fd';

import { folder } from '../support/process.js';

test('options: a structure is refused as a number, and complete as bytes', (t) => {
  const here = socket('inet', 'stream');
  const linger = Buffer.from(Int32Array.of(1, 7).buffer);
  here.setOption('SOL_SOCKET', 'SO_LINGER', linger);
  const error = t.throws(() => here.getOption('SOL_SOCKET', 'SO_LINGER'), {
    code: 'ERR_OPTION_LENGTH',
  });
  t.regex(error?.message ?? '', /has 8 bytes.*getOptionBytes/);
  t.deepEqual(here.getOptionBytes('SOL_SOCKET', 'SO_LINGER'), linger);
  t.is(here.getOptionBytes(constants.SOL_SOCKET, constants.SO_LINGER, 4).length, 4);
  const { code } = t.throws(() => here.getOption('IPPROTO_TCP', 'TCP_INFO')) as { code?: string };
  t.is(code, 'ERR_OPTION_LENGTH');
  t.throws(() => here.getOption('IPPROTO_TCP', 'TCP_CONGESTION'), { code: 'ERR_OPTION_LENGTH' });
  t.regex(here.getOptionBytes('IPPROTO_TCP', 'TCP_CONGESTION').toString(), /^[a-z]+\0/);
  t.throws(() => here.getOptionBytes('SOL_SOCKET', 'SO_COOKIE', 4), { code: 'EINVAL' });
  t.is(here.getOptionBytes('SOL_SOCKET', 'SO_COOKIE').length, 8);
  t.throws(() => here.getOptionBytes('SOL_SOCKET', 'SO_TYPE', 0), { instanceOf: RangeError });
  here.close();
});

test('options: names and numbers are the same, and an unknown name is an error', (t) => {
  const here = socket('inet', 'dgram');
  here.setOption('SOL_SOCKET', 'SO_RCVBUF', 10_000);
  t.is(here.getOption('SOL_SOCKET', 'SO_RCVBUF'), 20_000, 'socket(7): the kernel doubles it');
  t.is(here.getOption(1, 8), here.getOption('SOL_SOCKET', 'SO_RCVBUF'));
  t.is(here.getOption('SOL_SOCKET', 'SO_TYPE'), 2);
  const wrong = t.throws(() => here.getOption('SOL_SOCKET', 'SO_RCVBUFF' as Constant), {
    instanceOf: RangeError,
  });
  t.regex(wrong?.message ?? '', /'SO_RCVBUF'\?/);
  for (const name of ['toString', '', 'rcvbuf'])
    t.throws(() => here.getOption('SOL_SOCKET', name as Constant), { instanceOf: RangeError });
  t.throws(() => here.setOption(-1, 1, 1), { instanceOf: RangeError });
  t.throws(() => here.getOption(1, null as unknown as number), { instanceOf: TypeError });
  here.close();
});

test('constants: frozen integers with the kernel’s values', (t) => {
  t.true(Object.isFrozen(constants));
  t.is(constants.SO_ERROR, 4);
  t.is(constants.IPV6_RECVPKTINFO, 49);
  t.is(constants.TCP_INFO, 11);
  t.is(constants.SOF_TIMESTAMPING_TX_SOFTWARE, 2);
  for (const [name, value] of Object.entries(constants)) t.true(Number.isInteger(value), name);
});

test('peerCredentials: the process at the other end, and undefined without one', (t) => {
  const [here, there] = socketpair();
  const { pid } = process;
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  t.deepEqual(here.peerCredentials(), { pid, uid: uid ?? -1, gid: gid ?? -1 });
  const alone = socket('unix', 'stream');
  t.is(alone.peerCredentials(), undefined);
  const inet = socket('inet', 'stream');
  t.is(inet.peerCredentials(), undefined);
  for (const each of [here, there, alone, inet]) each.close();
  t.throws(() => here.peerCredentials(), { code: 'ERR_CLOSED' });
});

test('peer’s pidfd: adopted from an option', (t) => {
  const [here, there] = socketpair();
  let number = -1;
  try {
    number = here.getOption('SOL_SOCKET', 'SO_PEERPIDFD');
  } catch (error) {
    t.is((error as { code?: string }).code, 'ENOPROTOOPT', 'before Linux 6.5');
    return;
  }
  const peer = PidFd.adopt(number);
  t.is(peer.pid, process.pid);
  peer.kill(0);
  for (const each of [here, there, peer]) each.close();
});

test('tcpInfo: the fields of struct tcp_info', async (t) => {
  const listener = socket('inet', 'stream');
  listener.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
  t.is(listener.tcpInfo().state, 7, 'TCP_CLOSE');
  listener.listen();
  t.is(listener.tcpInfo().state, 10, 'TCP_LISTEN');
  const client = socket('inet', 'stream');
  if (!client.connect(listener.localAddress)) await client.connected();
  const server = listener.accept()?.socket;
  t.is(client.send(Buffer.alloc(1000)), 1000);
  t.is(server?.receive(Buffer.alloc(2000)), 1000);
  const info = client.tcpInfo();
  t.is(info.state, 1, 'TCP_ESTABLISHED');
  t.true(info.sndMss > 500 && info.sndMss < 70_000);
  t.true(info.sndCwnd > 0 && info.rtt < 10_000_000);
  t.is(info.bytesSent, 1000n);
  t.is(info.bytesAcked, 1001n, 'and the connecting segment');
  t.is(server?.tcpInfo().bytesReceived, 1000n);
  t.true(info.sndWscale <= 14 && info.rcvWscale <= 14);
  // tcpInfo() has exactly the fields that this kernel fills.
  const { length } = client.getOptionBytes('IPPROTO_TCP', 'TCP_INFO', 512);
  t.is('totalRtoTime' in info, length >= 248);
  const other = socket('unix', 'stream');
  t.throws(() => other.tcpInfo(), { code: 'EOPNOTSUPP' });
  for (const each of [listener, client, server, other]) each?.close();
});

test('address: a path that is not UTF-8 is a Buffer, to bind() and from localAddress, with every byte', (t) => {
  const place = folder(t);
  const name = Buffer.from([0x61, 0xff, 0xfe, 0x62]);
  const path = Buffer.concat([Buffer.from(`${place}/`), name]);
  const listener = socket('unix', 'stream');
  listener.bind({ family: 'unix', path });
  // Listed by ls, because Deno's node:fs gives names as text only.
  t.deepEqual(execFileSync('ls', [place]), Buffer.concat([name, Buffer.from('\n')]));
  t.deepEqual(listener.localAddress, { family: 'unix', path });
  listener.listen();
  const client = socket('unix', 'stream');
  // connect() takes the address as localAddress gives it.
  t.true(client.connect(listener.localAddress));
  t.deepEqual(client.remoteAddress, { family: 'unix', path });
  const text = socket('unix', 'stream');
  const plain = join(place, 'text');
  text.bind({ family: 'unix', path: Buffer.from(plain) });
  t.deepEqual(text.localAddress, { family: 'unix', path: plain });
  t.true(existsSync(plain));
  for (const each of [listener, client, text]) each.close();
});

test('address: abstract names that are not UTF-8, and a datagram’s sender', (t) => {
  const path = Buffer.from(`\0edgepoll ${process.pid} \0`);
  const odd = Buffer.concat([path, Buffer.from([0xc0])]);
  const [here, there] = [socket('unix', 'dgram'), socket('unix', 'dgram')];
  here.bind({ family: 'unix', path: odd });
  there.bind({ family: 'unix', path });
  there.send('x', { family: 'unix', path: odd });
  const { from } = here.receiveMessage() ?? {};
  t.deepEqual(from, { family: 'unix', path: path.toString() });
  here.send('y', from);
  const answer = there.receiveMessage();
  t.deepEqual(answer?.from, { family: 'unix', path: odd });
  t.true(Buffer.isBuffer((answer?.from as UnixAddress | undefined)?.path));
  here.close();
  there.close();
});

test('address: bytes that are no path, text without UTF-8, and how an error names bytes', (t) => {
  const here = socket('unix', 'stream');
  const bind = (path: unknown): (() => void) => {
    return () => here.bind({ family: 'unix', path: path as string });
  };
  t.throws(bind(Buffer.from('a\0b')), { instanceOf: RangeError });
  t.throws(bind(Buffer.alloc(108, 'a')), { code: 'ENAMETOOLONG' });
  t.throws(bind('/tmp/\ud800'), { instanceOf: RangeError });
  t.throws(bind(3), { instanceOf: TypeError });
  const missing = { family: 'unix', path: Buffer.from([0x2f, 0xff, 0x2f, 0x61]) } as const;
  const error = t.throws(() => here.connect(missing), { code: 'ENOENT' });
  t.like(error, { address: '/\\xff/a' });
  here.close();
});

test('takeError: an error that came between two calls', (t) => {
  const gone = socket('inet', 'dgram');
  gone.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
  const to = gone.localAddress as InetAddress;
  gone.close();
  const here = socket('inet', 'dgram');
  here.connect(to);
  here.send('x');
  t.like(here.takeError(), { code: 'ECONNREFUSED', syscall: 'getsockopt', fd: here.fd });
  t.is(here.takeError(), null);
  here.close();
});
