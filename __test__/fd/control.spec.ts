/** Control messages, sent and received: timestamps, packet information, and control messages given by level and type. */
import test from 'ava';
import type { Inet6Address, InetAddress, Socket } from 'edgepoll/fd';
import { constants, socket, socketpair } from 'edgepoll/fd';

function bound(family: 'inet' | 'inet6', address: string): Socket {
  const made = socket(family, 'dgram');
  made.bind({ family, address, port: 0 });
  return made;
}

const now = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** Milliseconds until a missing timestamp is a failure. */
const LIMIT = 10_000;

/**
 * Sends datagrams to the socket itself until one has software timestamps, and returns the last one received. The kernel
 * enables packet timestamps asynchronously after SO_TIMESTAMPING is set, so the first datagrams may have none.
 */
function receiveStamped(here: Socket): ReturnType<Socket['receiveMessage']> {
  const end = performance.now() + LIMIT;
  for (;;) {
    here.send('both', here.localAddress);
    const message = here.receiveMessage();
    if (message?.timestamps !== undefined || performance.now() > end) return message;
  }
}

test('timestamps: each of the three options, in nanoseconds since 1970', (t) => {
  const here = bound('inet', '127.0.0.1');
  const to = here.localAddress;
  here.send('none', to);
  t.like(here.receiveMessage(), { timestamp: undefined, timestamps: undefined, control: [] });
  for (const name of ['SO_TIMESTAMP', 'SO_TIMESTAMPNS'] as const) {
    here.setOption('SOL_SOCKET', name, true);
    const before = now() - 1_000_000n;
    here.send(name, to);
    const { timestamp = 0n, timestamps, control } = here.receiveMessage() ?? {};
    t.true(timestamp >= before && timestamp <= now() + 1_000_000n, `${timestamp}`);
    t.is(timestamps, undefined);
    t.deepEqual(control, []);
    here.setOption('SOL_SOCKET', name, false);
  }
  const flags = constants.SOF_TIMESTAMPING_RX_SOFTWARE | constants.SOF_TIMESTAMPING_SOFTWARE;
  here.setOption('SOL_SOCKET', 'SO_TIMESTAMPING', flags);
  const message = receiveStamped(here);
  t.true((message?.timestamps?.software ?? 0n) > 1_600_000_000_000_000_000n);
  t.is(message?.timestamps?.hardware, undefined);
  t.is(message?.timestamp, undefined);
  here.close();
});

test('control: options that the kernel would ignore for this socket are refused, and nothing is sent', (t) => {
  const code = 'ERR_INVALID_ARG_VALUE';
  const here = bound('inet', '127.0.0.1');
  const to = here.localAddress;
  const own = { pid: process.pid, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  t.throws(() => here.sendMessage({ data: 'x', to, descriptors: [0] }), { code });
  t.throws(() => here.sendMessage({ data: 'x', to, credentials: own }), { code });
  t.is(here.receiveMessage(), null);
  const [one, other] = socketpair({ type: 'dgram' });
  t.throws(() => one.sendMessage({ data: 'x', packetInfo: { interface: 'lo' } }), { code });
  t.is(other.receiveMessage(), null);
  const stream = socket('inet', 'stream');
  t.throws(() => stream.sendMessage({ data: 'x', packetInfo: { interface: 'lo' } }), { code });
  for (const opened of [here, one, other, stream]) opened.close();
});

test('send: a destination that the kernel would ignore is refused, and nothing is sent', (t) => {
  const code = 'ERR_INVALID_ARG_VALUE';
  const peer = bound('inet', '127.0.0.1');
  for (const family of ['inet', 'inet6'] as const) {
    const stream = socket(family, 'stream');
    t.throws(() => stream.send('x', peer.localAddress), { code });
    t.throws(() => stream.sendMessage({ data: 'x', to: peer.localAddress }), { code });
    stream.close();
  }
  const to = { family: 'unix', path: '\0elsewhere' } as const;
  const [one, other] = socketpair({ type: 'seqpacket' });
  t.throws(() => one.send('x', to), { code });
  t.is(other.receiveMessage(), null);
  const [stream, itsPeer] = socketpair();
  // The kernel itself refuses it.
  t.throws(() => stream.send('x', to), { code: 'EISCONN' });
  for (const opened of [peer, one, other, stream, itsPeer]) opened.close();
});

test('packet information: the interface and the address of a datagram, and the source of its answer', (t) => {
  const everywhere = bound('inet', '0.0.0.0');
  everywhere.setOption('IPPROTO_IP', 'IP_PKTINFO', true);
  const { port } = everywhere.localAddress as InetAddress;
  const client = bound('inet', '127.0.0.1');
  client.send('to the second address', { family: 'inet', address: '127.0.0.2', port });
  const message = everywhere.receiveMessage();
  t.like(message?.packetInfo, { destination: '127.0.0.2', local: '127.0.0.2' });
  const index = message?.packetInfo?.interface ?? 0;
  t.true(index > 0);
  const source = message?.packetInfo?.local ?? '';
  const to = client.localAddress;
  t.is(everywhere.sendMessage({ data: 'here', to, packetInfo: { source } }), 4);
  t.deepEqual(client.receiveMessage()?.from, { family: 'inet', address: '127.0.0.2', port });
  t.is(everywhere.sendMessage({ data: 'lo', to, packetInfo: { interface: 'lo' } }), 2);
  t.is(client.receiveMessage()?.data.toString(), 'lo');
  // An address that this machine does not have.
  const foreign = { data: 'x', to, packetInfo: { source: '192.0.2.1' } };
  t.throws(() => everywhere.sendMessage(foreign));
  everywhere.close();
  client.close();
});

test('packet information: IPv6', (t) => {
  const everywhere = bound('inet6', '::');
  everywhere.setOption('IPPROTO_IPV6', 'IPV6_RECVPKTINFO', true);
  const { port } = everywhere.localAddress as Inet6Address;
  const client = bound('inet6', '::1');
  client.send('here', { family: 'inet6', address: '::1', port });
  const info = everywhere.receiveMessage()?.packetInfo;
  t.like(info, { destination: '::1', local: undefined });
  const packetInfo = { source: info?.destination ?? '', interface: info?.interface ?? 0 };
  everywhere.sendMessage({ data: 'back', to: client.localAddress, packetInfo });
  t.like(client.receiveMessage()?.from, { family: 'inet6', address: '::1', port });
  everywhere.close();
  client.close();
});

test('control: other kinds are sent and received by level and type', (t) => {
  const here = bound('inet', '127.0.0.1');
  const to = here.localAddress;
  here.setOption('IPPROTO_IP', 'IP_RECVTTL', true);
  here.setOption('IPPROTO_IP', 'IP_RECVTOS', true);
  const ttl = Buffer.from(Int32Array.of(9).buffer);
  const control = [{ level: 'IPPROTO_IP', type: 'IP_TTL', data: ttl }] as const;
  here.sendMessage({ data: 'x', to, control });
  const message = here.receiveMessage();
  const level = constants.IPPROTO_IP;
  t.deepEqual(message?.control, [
    { level, type: constants.IP_TTL, data: ttl },
    { level, type: constants.IP_TOS, data: Buffer.from([0]) },
  ]);
  t.false(message?.controlTruncated);
  here.sendMessage({ data: 'x', to });
  const cut = here.receiveMessage({ control: 0 });
  t.like(cut, { controlTruncated: true, descriptorsTruncated: false });
  here.close();
});

test('control: a burst of datagrams is sent as one segmented buffer and received as one', (t) => {
  const here = bound('inet', '127.0.0.1');
  here.setOption('IPPROTO_UDP', 'UDP_GRO', true);
  const size = Buffer.from(Uint16Array.of(100).buffer);
  const control = [{ level: 'IPPROTO_UDP', type: 'UDP_SEGMENT', data: size }] as const;
  t.is(here.sendMessage({ data: Buffer.alloc(250), to: here.localAddress, control }), 250);
  const message = here.receiveMessage();
  t.is(message?.length, 250);
  const [gro] = message?.control ?? [];
  t.like(gro, { level: constants.IPPROTO_UDP, type: constants.UDP_GRO });
  t.deepEqual(gro?.data, Buffer.from(Int32Array.of(100).buffer));
  here.close();
});

test('control: bad input is refused before anything is sent', (t) => {
  const here = bound('inet', '127.0.0.1');
  const to = here.localAddress;
  const send = (message: object): (() => unknown) => {
    return () => here.sendMessage({ data: 'x', to, ...message });
  };
  const one = { level: 0, type: 2, data: Buffer.alloc(4) };
  t.throws(send({ control: {} }), { instanceOf: TypeError });
  t.throws(send({ control: [3] }), { instanceOf: TypeError });
  t.throws(send({ control: [{ ...one, data: 'x' }] }), { instanceOf: TypeError });
  t.throws(send({ control: [{ ...one, level: 'IPPROTO_IPP' }] }), { instanceOf: RangeError });
  t.throws(send({ control: [{ ...one, data: Buffer.alloc(4097) }] }), { instanceOf: RangeError });
  t.throws(send({ control: Array.from({ length: 65 }, () => one) }), { instanceOf: RangeError });
  t.throws(send({ control: [{ ...one, extra: 1 }] }), { code: 'ERR_UNKNOWN_OPTION' });
  t.throws(send({ packetInfo: {} }), { instanceOf: TypeError });
  t.throws(send({ packetInfo: { source: '::1' } }), { instanceOf: RangeError });
  t.throws(send({ packetInfo: { source: 'localhost' } }), { instanceOf: RangeError });
  t.throws(send({ packetInfo: { interface: 'no-such-interface' } }), { code: 'ENODEV' });
  t.throws(send({ control: [{ level: 0, type: 4444, data: Buffer.alloc(4) }] }), {
    code: 'EINVAL',
  });
  t.throws(() => here.receiveMessage({ control: 65_537 }), { instanceOf: RangeError });
  t.is(here.receiveMessage(), null);
  here.close();
});

test('control: on a Unix socket room for control lets in no descriptor beyond the requested number', (t) => {
  const [here, there] = socketpair();
  here.sendMessage({ data: 'x', descriptors: [here, here, here] });
  const message = there.receiveMessage({ control: 4096, descriptors: 1 });
  t.is(message?.descriptors.length, 1);
  t.true(message?.descriptorsTruncated);
  message?.descriptors[0]?.close();
  here.close();
  there.close();
});
