// Opening a connection: refusals with their details, the deadline, the signal, and names with several addresses.
import { getEventListeners, once } from 'node:events';
import { readFileSync } from 'node:fs';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import { connect, EdgepollError } from 'edgepoll';

import { eventually, rounds, watch } from '../support/eventually.js';
import {
  dial,
  freePort,
  loopback6Test,
  netServer,
  nextOf,
  receiveAll,
  receiveExactly,
  rejection,
  send,
  serverOf,
} from '../support/net.js';
import type { Socket } from '../support/net.js';
import { resolveAs } from '../support/resolver.js';

/** A listener whose backlog is full: the kernel answers no further SYN. */
async function fullBacklog(t: ExecutionContext): Promise<number> {
  const server = await serverOf(t, { backlog: 1 });
  const { port } = server.address;
  // The kernel holds one more connection than the backlog. The server is not iterated, so it accepts none of them.
  for (let count = 0; count < 2; count += 1) {
    const socket = await dial(port);
    t.teardown(() => socket.destroy());
  }
  return port;
}

/** How many sockets of this machine have sent a SYN to the port and wait for the answer. */
function connecting(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'latin1').split(` 0100007F:${hex} 02 `).length - 1;
}

function isConnecting(port: number): boolean {
  return connecting(port) > 0;
}

test('bytes go both ways, and the addresses are true', async (t) => {
  const sockets: Promise<string>[] = [];
  const { port } = await netServer(t, '127.0.0.1', (socket) => {
    sockets.push(receiveExactly(socket, 5).then((bytes) => bytes.toString()));
    socket.end('hello');
  });
  const connection = await connect({ host: '127.0.0.1', port });
  t.teardown(() => connection.destroy());
  t.deepEqual(connection.remoteAddress, { address: '127.0.0.1', port, family: 'IPv4' });
  t.not(connection.localAddress?.port, 0);
  await connection.write('there');
  t.is((await connection.read())?.toString(), 'hello');
  t.is(await connection.read(), null);
  t.is(await sockets[0], 'there');
  t.like(await connection.closed, { cause: 'ended', bytesUnsent: 0 });
  t.is(connection.bytesRead, 5);
  t.is(connection.bytesWritten, 5);
});

test('remoteAddress is the address that the kernel connected to: 0.0.0.0 becomes 127.0.0.1', async (t) => {
  const { port } = await netServer(t, '127.0.0.1', (socket) => socket.end());
  const connection = await connect({ host: '0.0.0.0', port });
  t.teardown(() => connection.destroy());
  t.deepEqual(connection.remoteAddress, { address: '127.0.0.1', port, family: 'IPv4' });
});

test('a port without a listener: ECONNREFUSED with syscall, address and port', async (t) => {
  const port = freePort(t);
  const error = await rejection(connect({ host: '127.0.0.1', port }));
  t.true(error instanceof EdgepollError);
  t.like(error, { code: 'ECONNREFUSED', errno: -111, syscall: 'connect' });
  t.like(error, { address: '127.0.0.1', port });
  t.regex(error.message, new RegExp(`connect ECONNREFUSED.*127\\.0\\.0\\.1:${port}`));
});

test('a full backlog: ETIMEDOUT at the deadline, before the kernel gives up', async (t) => {
  const port = await fullBacklog(t);
  // This attempt began first and has a later deadline. If deadlines were ignored, it would end first.
  const patience = new AbortController();
  const { signal } = patience;
  const patient = connect({ host: '127.0.0.1', port, timeout: 3_600_000, signal });
  const ended = watch(rejection(patient));
  await eventually('its SYN is sent', () => isConnecting(port));
  const started = performance.now();
  const error = await rejection(connect({ host: '127.0.0.1', port, timeout: 300 }));
  const took = performance.now() - started;
  t.like(error, { code: 'ETIMEDOUT', syscall: 'connect', address: '127.0.0.1', port });
  t.true(took >= 295, `took ${took} ms`);
  await rounds();
  t.false(ended.fulfilled);
  t.is(connecting(port), 1, 'only the attempt with the later deadline');
  patience.abort();
  await rejection(patient);
  await eventually('no socket connects', () => !isConnecting(port));
});

test('an abort during the connect: its reason, and the socket is gone', async (t) => {
  const port = await fullBacklog(t);
  const controller = new AbortController();
  const reason = new Error('changed my mind');
  const promise = connect({ host: '127.0.0.1', port, signal: controller.signal });
  await eventually('the SYN is sent', () => isConnecting(port));
  t.is(getEventListeners(controller.signal, 'abort').length, 1);
  controller.abort(reason);
  t.is(await rejection(promise), reason);
  await eventually('the socket is closed', () => !isConnecting(port));
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
});

test('a signal that was aborted before: its reason, and no connection is opened', async (t) => {
  const reason = new Error('no');
  const from: (number | undefined)[] = [];
  const { server, port } = await netServer(t, '127.0.0.1', (socket) =>
    from.push(socket.remotePort),
  );
  const options = { host: '127.0.0.1', port, signal: AbortSignal.abort(reason) };
  t.is(await rejection(connect(options)), reason);
  // The first connection that the server sees is the later one.
  const [socket] = await Promise.all([dial(port), once(server, 'connection')]);
  t.deepEqual(from, [socket.localPort]);
  socket.destroy();
});

test('an abort between the kernel’s connect and its dispatch: its reason, not a dead connection', async (t) => {
  const server = await serverOf(t);
  const accepted = server[Symbol.asyncIterator]();
  const [first, peer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  t.teardown(() => peer.destroy());
  const chunks = first[Symbol.asyncIterator]();
  const outcomes = new Set<string>();
  for (let round = 0; round < 50; round += 1) {
    const controller = new AbortController();
    const reason = new Error('mine');
    // One batch brings both the byte that causes the abort and the success of the connect.
    const aborting = (async () => {
      await chunks.next();
      controller.abort(reason);
    })();
    peer.write('x');
    const options = { host: '127.0.0.1', port: server.address.port, signal: controller.signal };
    try {
      const connection = await connect(options);
      await connection.write('alive');
      outcomes.add('connected');
      connection.destroy();
    } catch (error) {
      t.is(error, reason);
      outcomes.add('aborted');
    }
    await aborting;
  }
  t.true(outcomes.has('aborted'));
});

test('an abort once connected changes nothing', async (t) => {
  const controller = new AbortController();
  const { port } = await netServer(t, '127.0.0.1', (socket) => socket.pipe(socket));
  const connection = await connect({ host: '127.0.0.1', port, signal: controller.signal });
  t.teardown(() => connection.destroy());
  controller.abort();
  await connection.write('still here');
  t.is((await connection.read())?.toString(), 'still here');
});

test('no listener stays on the signal, connected or refused', async (t) => {
  const { signal } = new AbortController();
  const { port } = await netServer(t, '127.0.0.1');
  const closedPort = freePort(t);
  for (let round = 0; round < 100; round += 1) {
    const connection = await connect({ host: '127.0.0.1', port, signal });
    connection.destroy();
    await rejection(connect({ host: '127.0.0.1', port: closedPort, signal }));
  }
  t.is(getEventListeners(signal, 'abort').length, 0);
});

test.serial('localhost is reached on the second family when the first refuses', async (t) => {
  resolveAs(t, ['::1', '127.0.0.1']);
  const { port } = await netServer(t, '127.0.0.1', (socket) => void send(socket, 'v4'));
  const connection = await connect({ port });
  t.teardown(() => connection.destroy());
  t.is((await connection.read())?.toString(), 'v4');
  t.like(connection.remoteAddress, { address: '127.0.0.1', family: 'IPv4' });
});

test.serial('if every address of a name refuses, the error names the last one', async (t) => {
  resolveAs(t, ['127.0.0.2', '127.0.0.3']);
  const port = freePort(t);
  const error = await rejection(connect({ port, host: 'two.example' }));
  t.like(error, { code: 'ECONNREFUSED', address: '127.0.0.3', port });
});

test.serial('an abort between two addresses stops the search', async (t) => {
  const controller = new AbortController();
  const reason = new Error('stop');
  const full = await fullBacklog(t);
  resolveAs(t, ['127.0.0.1', '127.0.0.4']);
  const promise = connect({ port: full, host: 'two.example', signal: controller.signal });
  await eventually('the SYN is sent', () => isConnecting(full));
  controller.abort(reason);
  t.is(await rejection(promise), reason);
});

test('connect() and listen() exchange bytes and ends with each other', async (t) => {
  const server = await serverOf(t);
  const [client, accepted] = await Promise.all([
    connect({ host: '127.0.0.1', port: server.address.port }),
    server[Symbol.asyncIterator]().next(),
  ]);
  const connection = accepted.value;
  t.truthy(connection);
  await client.end('ping');
  t.is((await connection?.read())?.toString(), 'ping');
  t.is(await connection?.read(), null);
  t.is(await client.read(), null);
  t.is((await client.closed).cause, 'ended');
});

test.serial('an abort while the name resolves does not wait for the resolver', async (t) => {
  const controller = new AbortController();
  const reason = new Error('changed my mind');
  resolveAs(t, []);
  const promise = connect({ host: 'localhost', port: 1, signal: controller.signal });
  controller.abort(reason);
  t.is(await rejection(promise), reason);
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
});

test('a zone that this machine does not have: ENODEV', async (t) => {
  const error = await rejection(connect({ host: 'fe80::1%nowhere', port: 1 }));
  t.like(error, { code: 'ENODEV', syscall: 'if_nametoindex', address: 'fe80::1%nowhere', port: 1 });
});

loopback6Test('a zone that this machine has', async (t) => {
  for (const host of ['::1%lo', '::1%1']) {
    const server = await serverOf(t, { host });
    const connection = await connect({ host, port: server.address.port });
    t.is(connection.remoteAddress?.address, '::1');
    connection.destroy();
  }
});

test('a name that does not resolve', async (t) => {
  const error = await rejection(connect({ host: 'no-such-host.invalid', port: 1 }));
  t.is(error.syscall, 'getaddrinfo');
});

test('a peer that resets right after accepting: connected, then ECONNRESET', async (t) => {
  const { server, port } = await netServer(t, '127.0.0.1');
  const arrived = once(server, 'connection');
  const connection = await connect({ host: '127.0.0.1', port });
  const [socket] = (await arrived) as [Socket];
  socket.resetAndDestroy();
  const error = await rejection(connection.read());
  // An error has an address only if an attempt to connect failed.
  t.like(error, { code: 'ECONNRESET', syscall: 'read', address: undefined, port: undefined });
  t.like(await connection.closed, { cause: 'failed' });
  t.is((await receiveAll(socket)).bytes.length, 0);
});
