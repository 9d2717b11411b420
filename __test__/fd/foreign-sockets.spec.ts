/** Adopted sockets that other code made: they are blocking, and their flags stay as they are. */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { watch } from 'edgepoll';
import type { InetAddress, SocketAddress } from 'edgepoll/fd';
import { EdgepollError, socket, Socket, socketpair } from 'edgepoll/fd';

import { flagsOf } from '../readiness/helpers.js';
import type { Python } from '../support/python.js';
import { startPython } from '../support/python.js';
import { drivers } from '../support/process.js';

const loopback: SocketAddress = { family: 'inet', address: '127.0.0.1', port: 0 };

/** Adopts a blocking socket that Python makes with the expression `made` and keeps as `name`. */
async function foreign(
  t: ExecutionContext,
  name: string,
  made: string,
): Promise<{ one: Socket; peer: Python }> {
  const [here, there] = socketpair({ type: 'seqpacket' });
  const peer = startPython(t, there.fd);
  there.close();
  await peer.run(`up = socket.socket(fileno=3); ${name} = ${made}`);
  await peer.run(`socket.send_fds(up, [b'x'], [${name}.fileno()])`);
  const [received] = here.receiveMessage({ descriptors: 1 })?.descriptors ?? [];
  here.close();
  if (received === undefined) throw new Error('no socket came');
  const one = Socket.adopt(received.release());
  t.teardown(() => one.close());
  return { one, peer };
}

for (const driver of drivers) {
  test(`blocking: accept() of an adopted listener does not wait, and accepts a pending connection, ${driver}`, async (t) => {
    const { one, peer } = await foreign(t, 'listener', "socket.create_server(('127.0.0.1', 0))");
    const before = flagsOf(one.fd);
    t.is(one.accept(), null);
    const { port } = one.localAddress as InetAddress;
    await peer.run(`s = dial(${port})`);
    for await (const _ of watch(one, { driver })) break;
    const accepted = one.accept();
    t.like(accepted?.from, { port: await peer.run('s.getsockname()[1]') });
    accepted?.socket.close();
    t.is(one.accept(), null);
    t.is(flagsOf(one.fd), before);
  });
}

test('blocking: connect() that could wait is refused with advice; on a datagram socket it cannot wait', async (t) => {
  const listener = socket('inet', 'stream');
  listener.bind(loopback);
  listener.listen();
  const { one: stream } = await foreign(t, 'stream', 'socket.socket()');
  const before = flagsOf(stream.fd);
  const error = t.throws(() => stream.connect(listener.localAddress), { code: 'ERR_BLOCKING' });
  t.true(error instanceof EdgepollError);
  t.like(error, { syscall: 'connect', fd: stream.fd });
  t.regex(error?.message ?? '', /O_NONBLOCK/);
  t.is(listener.accept(), null);
  t.is(flagsOf(stream.fd), before);

  const datagrams = socket('inet', 'dgram');
  datagrams.bind(loopback);
  const made = 'socket.socket(socket.AF_INET, socket.SOCK_DGRAM)';
  const { one: dgram, peer } = await foreign(t, 'dgram', made);
  t.true(dgram.connect(datagrams.localAddress));
  t.deepEqual(dgram.remoteAddress, datagrams.localAddress);
  t.true(dgram.connect({ family: 'unspecified' }));
  // When the other process sets O_NONBLOCK, connect() is allowed.
  const tcp = await foreign(t, 'tcp', 'socket.socket()');
  await tcp.peer.run('tcp.setblocking(False)');
  tcp.one.connect(listener.localAddress);
  await tcp.one.connected();
  t.deepEqual(tcp.one.remoteAddress, listener.localAddress);
  for (const each of [listener, datagrams]) each.close();
  await peer.end();
});
