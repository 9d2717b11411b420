/** The facts about node:net in docs/comparison.md, checked with the Node.js that runs this test. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

import type { ExecutionContext } from 'ava';
import test from 'ava';

import { dial, receiveAll } from '../support/net.js';
import { run } from '../support/process.js';

async function listening(t: ExecutionContext, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    t.teardown(() => socket.destroy());
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return server;
}

async function dialled(t: ExecutionContext, server: Server): Promise<Socket> {
  const socket = await dial((server.address() as AddressInfo).port);
  t.teardown(() => socket.destroy());
  return socket;
}

/** A socket that node:net has accepted, and its peer. */
async function accepted(t: ExecutionContext): Promise<{ socket: Socket; peer: Socket }> {
  const server = await listening(t, () => {});
  const [[socket], peer] = await Promise.all([once(server, 'connection'), dialled(t, server)]);
  return { socket: socket as Socket, peer };
}

test('node:net accepts connections beyond maxConnections and closes them', async (t) => {
  const server = await listening(t, () => {});
  server.maxConnections = 1;
  await dialled(t, server);
  const dropped = once(server, 'drop');
  const second = await dialled(t, server);
  await dropped;
  t.is((await receiveAll(second)).bytes.length, 0);
});

test('node:net queues what a program writes to a peer that does not read, without a limit', async (t) => {
  const { socket, peer } = await accepted(t);
  peer.pause();
  const megabyte = Buffer.alloc(2 ** 20);
  for (let written = 0; written < 64; written += 1) socket.write(megabyte);
  t.true(socket.writableLength > 32 * 2 ** 20);
  t.is(socket.errored, null);
});

test('node:net: a reset ends a process that has no listener for it', async (t) => {
  const program = `
    const { createServer, connect } = require('node:net');
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1', () => {
      const peer = connect(server.address().port, '127.0.0.1', () => {
        peer.write('x', () => setTimeout(() => peer.resetAndDestroy(), 50));
      });
    });`;
  const { code, stderr } = await run(process.execPath, ['-e', program]);
  t.is(code, 1);
  t.regex(stderr, /ECONNRESET/);
});

test('node:net: the peer of a socket that is destroyed with queued bytes sees a clean end', async (t) => {
  const { socket, peer } = await accepted(t);
  peer.pause();
  const length = 64 * 2 ** 20;
  socket.write(Buffer.alloc(length));
  await new Promise((resolve) => setTimeout(resolve, 20));
  socket.destroy();
  const { bytes, fin, error } = await receiveAll(peer);
  t.true(bytes.length < length, 'bytes are lost');
  t.true(fin);
  t.is(error, undefined);
});
