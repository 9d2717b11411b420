// Peers made with node:net, which share no code with the package under test. No helper here hides an error: each result
// includes how the socket ended.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';

import type { ExecutionContext, TestFn } from 'ava';
import test from 'ava';
import type { Connection, ListenOptions, Server } from 'edgepoll';
import { listen } from 'edgepoll';
import type { InetAddress } from 'edgepoll/fd';
import { socket as openSocket } from 'edgepoll/fd';

import { eventually } from './eventually.js';

export type { Socket } from 'node:net';

/** Whether this machine or container has the address ::1. */
export const hasLoopback6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === '::1');

const skipWithReason = (title: string, body: () => void): void =>
  test.skip(`${title} (this machine has no address ::1)`, body);

/** For tests that need IPv6: reported as skipped on a machine without it. */
export const loopback6Test: TestFn = hasLoopback6 ? test : (skipWithReason as TestFn);

/** The bytes that a socket received, and how the stream ended: by FIN, by an error, or by neither. */
export interface Received {
  bytes: Buffer;
  fin: boolean;
  error: NodeJS.ErrnoException | undefined;
}

const opened = new WeakMap<Socket, NodeJS.ErrnoException>();

function keepError(socket: Socket): void {
  socket.on('error', (error) => opened.set(socket, error));
}

/** Connects to 127.0.0.1. The socket stays writable after the package's FIN, and reads nothing until `resume()`. */
export async function dial(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host, allowHalfOpen: true, noDelay: true });
  keepError(socket);
  await once(socket, 'connect');
  return socket;
}

/** Receives until the socket ends or closes. */
export function receiveAll(socket: Socket): Promise<Received> {
  const chunks: Buffer[] = [];
  let fin = false;
  return new Promise((resolve) => {
    const done = (): void => {
      resolve({ bytes: Buffer.concat(chunks), fin, error: opened.get(socket) });
    };
    if (socket.destroyed || socket.readableEnded) {
      fin = socket.readableEnded;
      done();
      return;
    }
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => {
      fin = true;
      done();
    });
    socket.once('close', done);
    socket.resume();
  });
}

/** Receives exactly `length` bytes, then pauses the socket. Rejects if the socket ends before. */
export function receiveExactly(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let missing = length;
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      socket.off('data', take).off('close', early).off('end', early).pause();
    };
    const early = (): void => {
      stop();
      reject(opened.get(socket) ?? new Error(`the end came ${missing} bytes early`));
    };
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      missing -= chunk.length;
      if (missing > 0) return;
      stop();
      if (missing < 0) reject(new Error(`${-missing} bytes too many`));
      else resolve(Buffer.concat(chunks));
    };
    if (length === 0) {
      resolve(Buffer.alloc(0));
      return;
    }
    socket.on('data', take).once('close', early).once('end', early);
    socket.resume();
  });
}

/** Writes, and resolves when the kernel has taken all bytes. */
export function send(socket: Socket, data: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(data, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Resolves when the peer's kernel has acknowledged all sent bytes; the peer may not have read them. */
export function delivered(socket: Socket): Promise<void> {
  const port = (socket.localPort ?? 0).toString(16).toUpperCase().padStart(4, '0');
  // The local address, the remote address, the state, then tx_queue: the bytes that are not acknowledged yet.
  const unsent = new RegExp(`: \\w+:${port} \\w+:\\w+ \\w\\w (\\w+):`);
  return eventually('everything is acknowledged', () => {
    const found = unsent.exec(readFileSync('/proc/net/tcp', 'latin1'))?.[1];
    return found !== undefined && Number.parseInt(found, 16) === 0;
  });
}

/** A node:net server. Without a host it listens on `::`, which includes IPv4, or on IPv4 alone if there is no IPv6. */
export async function netServer(
  t: ExecutionContext,
  host?: string,
  onSocket: (socket: Socket) => void = () => {},
): Promise<{ server: NetServer; port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    keepError(socket);
    t.teardown(() => socket.destroy());
    onSocket(socket);
  });
  server.listen(0, host);
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

/** A port without a listener. A bound socket reserves it on every IPv4 address until the test ends. */
export function freePort(t: ExecutionContext): number {
  const reserved = openSocket('inet', 'stream');
  t.teardown(() => reserved.close());
  reserved.bind({ family: 'inet', address: '0.0.0.0', port: 0 });
  return (reserved.localAddress as InetAddress).port;
}

/** A server of the package on a free port of 127.0.0.1, destroyed when the test ends. */
export async function serverOf(
  t: ExecutionContext,
  options: Partial<ListenOptions> = {},
): Promise<Server> {
  const server = await listen({ host: '127.0.0.1', port: 0, ...options });
  t.teardown(() => server.destroy());
  return server;
}

/** The next value of an iterator; throws if the iterator has ended. */
export async function nextOf<T>(iterator: AsyncIterator<T, undefined>): Promise<T> {
  const result = await iterator.next();
  if (result.done === true) throw new Error('the iterator ended');
  return result.value;
}

/** A server of the package, one accepted connection, and its node:net peer. */
export interface Pair {
  server: Server;
  accepted: AsyncIterator<Connection, undefined>;
  connection: Connection;
  peer: Socket;
}

/** Opens a server and one connection to it. */
export async function pairOf(
  t: ExecutionContext,
  options: Partial<ListenOptions> = {},
): Promise<Pair> {
  const server = await serverOf(t, options);
  const accepted = server[Symbol.asyncIterator]();
  const [connection, peer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  t.teardown(() => peer.destroy());
  return { server, accepted, connection, peer };
}

/** Reads a connection to its end; returns all bytes, and the error if the iteration threw one. */
export async function drain(
  connection: Connection,
): Promise<{ bytes: Buffer; error: NodeJS.ErrnoException | undefined }> {
  const chunks: Buffer[] = [];
  let error: NodeJS.ErrnoException | undefined;
  try {
    for await (const chunk of connection) chunks.push(chunk);
  } catch (thrown) {
    error = thrown as NodeJS.ErrnoException;
  }
  return { bytes: Buffer.concat(chunks), error };
}

/** The reason of a rejected promise; throws if the promise is fulfilled. */
export async function rejection(promise: Promise<unknown>): Promise<NodeJS.ErrnoException> {
  try {
    await promise;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error('it should have been rejected');
}
