// util.inspect() shows the state of open and closed objects in a few words, and never throws.
import { inspect } from 'node:util';

import test from 'ava';
import { connect, Poller } from 'edgepoll';
import { eventfd, pidfd, pipe, socket, socketpair } from 'edgepoll/fd';

import { nextOf, pairOf, receiveExactly, rejection, send, serverOf } from '../support/net.js';

/** The object as util.inspect() shows it, always in one line. */
const shown = (object: unknown, depth = 2): string =>
  inspect(object, { breakLength: Infinity, depth });

test('a server', async (t) => {
  const { server, connection } = await pairOf(t);
  const address = `127.0.0.1:${server.address.port}`;
  t.is(
    shown(server),
    `Server { address: '${address}', listening: true, connections: 1, pending: 0 }`,
  );
  connection.destroy();
  await server.close();
  t.is(
    shown(server),
    `Server { address: '${address}', listening: false, connections: 0, pending: 0 }`,
  );
});

test('a connection, from its opening to its end', async (t) => {
  const { server, connection, peer } = await pairOf(t);
  const [id, port, remote] = [connection.id, server.address.port, peer.localPort];
  const start = `Connection { id: ${id}, state: `;
  const addresses = `localAddress: '127.0.0.1:${port}', remoteAddress: '127.0.0.1:${remote}'`;
  t.is(
    shown(connection),
    `${start}'open', ${addresses}, bytesRead: 0, bytesWritten: 0, bufferedAmount: 0 }`,
  );
  await send(peer, 'abc');
  await connection.read();
  await connection.write('12345');
  await receiveExactly(peer, 5);
  connection.data = { name: 'Ada' };
  const counts = 'bytesRead: 3, bytesWritten: 5, bufferedAmount: 0';
  t.is(shown(connection), `${start}'open', ${addresses}, ${counts}, data: { name: 'Ada' } }`);
  connection.data = undefined;
  await connection.end();
  t.true(shown(connection).startsWith(`${start}'ending', `));
  connection.destroy(new Error('given up'));
  t.true(shown(connection).startsWith(`${start}'destroyed', `));
  t.true(shown(connection).endsWith(`${counts}, error: 'Error: given up' }`), shown(connection));
});

test('a connection whose peer has ended, and one that failed', async (t) => {
  const { connection, peer } = await pairOf(t, { allowHalfOpen: true });
  peer.end();
  t.is(await connection.read(), null);
  t.true(shown(connection).includes("state: 'ended by the peer'"));
  const other = await pairOf(t);
  other.peer.resetAndDestroy();
  t.is((await rejection(other.connection.read())).code, 'ECONNRESET');
  t.regex(shown(other.connection), /state: 'failed', .*error: 'EdgepollError: .*ECONNRESET/);
});

test('a poller and a registration', (t) => {
  using counter = eventfd();
  const poller = new Poller<string>();
  const registration = poller.register(counter, { data: 'mine' });
  const { fd } = counter;
  t.is(shown(registration), `Registration { fd: ${fd}, active: true, data: 'mine' }`);
  t.is(shown(poller), "Poller { engine: 'epoll', isOpen: true, size: 1, refed: true }");
  poller.unref().close();
  t.is(shown(registration), `Registration { fd: ${fd}, active: false, data: 'mine' }`);
  t.is(shown(poller), "Poller { engine: 'epoll', isOpen: false, size: 0, refed: false }");
});

test('descriptors of edgepoll/fd', (t) => {
  const { reader, writer } = pipe();
  const { fd } = reader;
  t.is(shown(reader), `OwnedFd { fd: ${fd}, kind: 'pipe', isOpen: true }`);
  reader.close();
  writer.close();
  t.is(shown(reader), `OwnedFd { fd: ${fd}, kind: 'pipe', isOpen: false }`);

  using self = pidfd(process.pid);
  t.is(shown(self), `PidFd { fd: ${self.fd}, kind: 'pidfd', isOpen: true, pid: ${process.pid} }`);

  const inet = socket('inet', 'stream');
  t.true(
    shown(inet).startsWith(
      `Socket { fd: ${inet.fd}, kind: 'socket', isOpen: true, localAddress: {`,
    ),
  );
  t.true(shown(inet).endsWith(', remoteAddress: undefined }'));
  const number = inet.fd;
  inet.close();
  t.is(shown(inet), `Socket { fd: ${number}, kind: 'socket', isOpen: false }`);
  for (const one of socketpair()) {
    t.true(shown(one).includes('isOpen: true'));
    one.close();
  }
});

test('proxies and objects that only inherit from a class, and nested objects beyond the depth', async (t) => {
  const { server, connection } = await pairOf(t);
  const poller = new Poller();
  const counter = eventfd();
  const registration = poller.register(counter);
  for (const object of [server, connection, poller, registration, counter]) {
    const { name } = object.constructor;
    const prototype = Object.getPrototypeOf(object) as object;
    t.is(shown(Object.create(prototype)), `${name} {}`);
    t.is(shown(new Proxy(object, {})), `${name} {}`);
    t.notThrows(() => shown(prototype));
    t.is(shown({ object }, 0), `{ object: [${name}] }`);
  }
  poller.close();
  counter.close();
});

test('an address of IPv6 is in brackets', async (t) => {
  const server = await serverOf(t, { host: '::ffff:127.0.0.1' });
  t.regex(shown(server), /address: '\[::ffff:127\.0\.0\.1\]:\d+'/);
});

test('data keeps the value that the program sets, also when the connection is closed', async (t) => {
  const server = await serverOf(t);
  const accepted = server[Symbol.asyncIterator]();
  const [ours, theirs] = await Promise.all([
    connect<{ name: string }>({ host: '127.0.0.1', port: server.address.port }),
    nextOf(accepted),
  ]);
  t.is(ours.data, undefined);
  t.is(theirs.data, undefined);
  const data = { name: 'Ada' };
  ours.data = data;
  t.is(ours.data.name, 'Ada');
  await ours.end();
  await theirs.end();
  await ours.closed;
  t.is(ours.data, data);
});

test('using closes a poller and a registration at once', (t) => {
  using counter = eventfd();
  const poller = new Poller();
  {
    using open = poller;
    {
      using registration = open.register(counter);
      t.true(registration.active);
      t.is(open.size, 1);
    }
    t.is(open.size, 0);
    t.true(open.isOpen);
  }
  t.false(poller.isOpen);
  poller[Symbol.dispose]();
});
