/** Clients with addresses of their own, and how a server took them, for the tests of limits. */
import { connect } from 'node:net';

import type { ExecutionContext } from 'ava';
import type { Server } from 'edgepoll';

import type { Socket } from '../../support/net.js';

/** What a client saw: an echo, a reset, or the end. */
export type Outcome = 'open' | 'reset' | 'end';

/** A client that has connected, and what it sees then. */
export interface Client {
  socket: Socket;
  outcome: Promise<Outcome>;
}

/**
 * Connects. All addresses of 127.0.0.0/8 are this machine's, so that a test has as many clients as it needs.
 */
export function dialFrom(
  t: ExecutionContext,
  { port }: Server['address'],
  localAddress = '127.0.0.1',
  host = '127.0.0.1',
): Client {
  const socket = connect({ port, host, localAddress, allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  const outcome = new Promise<Outcome>((resolve) => {
    socket.once('data', () => resolve('open'));
    socket.once('end', () => resolve('end'));
    socket.on('error', () => resolve('reset'));
  });
  return { socket, outcome };
}

/** As {@link dialFrom}: what the client sees once it has written a byte, if `speaks`. */
export async function tryFrom(
  t: ExecutionContext,
  server: Server,
  from?: string,
  host?: string,
  speaks = true,
): Promise<Outcome> {
  const { socket, outcome } = dialFrom(t, server.address, from, host);
  if (speaks) socket.once('connect', () => socket.write('x'));
  return outcome;
}

/** Echoes what each connection sends. */
export function echo(server: Server): void {
  void (async () => {
    for await (const connection of server) {
      void (async () => {
        for await (const chunk of connection) await connection.write(chunk);
      })().catch(() => {});
    }
  })();
}
