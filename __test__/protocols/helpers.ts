/** Servers that speak the protocol of the probe: see probe.ts. */
import type { ExecutionContext } from 'ava';
import type { Connection, ListenOptions, Protocol, Server } from 'edgepoll';
import { listen } from 'edgepoll';

import { dial, nextOf } from '../support/net.js';
import type { Socket } from '../support/net.js';

/** A server with a protocol on a free port of 127.0.0.1, destroyed when the test ends. */
export async function speaking<In, Out>(
  t: ExecutionContext,
  protocol: Protocol<In, Out>,
  options: Partial<ListenOptions<In, Out>> = {},
): Promise<Server<unknown, In, Out>> {
  const server = await listen({ host: '127.0.0.1', port: 0, protocol, ...options });
  t.teardown(() => server.destroy());
  return server;
}

/** A server with a protocol, one accepted connection, and its node:net peer. */
export interface SpeakingPair<In, Out> {
  server: Server<unknown, In, Out>;
  connection: Connection<unknown, In, Out>;
  peer: Socket;
}

/** Opens a server with a protocol, and one connection to it. */
export async function speakingPair<In, Out>(
  t: ExecutionContext,
  protocol: Protocol<In, Out>,
  options: Partial<ListenOptions<In, Out>> = {},
): Promise<SpeakingPair<In, Out>> {
  const server = await speaking(t, protocol, options);
  const accepted = server[Symbol.asyncIterator]();
  const [connection, peer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  t.teardown(() => peer.destroy());
  return { server, connection, peer };
}
