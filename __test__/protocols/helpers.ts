/** Servers that speak the protocol of the probe: a plug-in that misbehaves as its peer tells it (crates/edgepoll-protocol/probe). */
import { createRequire } from 'node:module';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';
import type { Connection, ListenOptions, MessageView, Protocol, Server } from 'edgepoll';
import { listen } from 'edgepoll';

import { dial, nextOf } from '../support/net.js';
import type { Socket } from '../support/net.js';
import { root } from '../support/process.js';

type Make = (options?: Record<string, unknown>) => object;

/** The functions that the plug-in exports. */
export const plugin = createRequire(import.meta.url)(join(root, 'build/probe.node')) as Record<
  'probe' | 'frames' | 'layer' | 'version' | 'shorter' | 'neither',
  Make
>;

/** A message of the probe. */
export interface Said {
  kind: number;
  continues: boolean;
  texts: (string | null)[];
}

/** What the program writes: a text, or a text with a kind. */
export type Written = string | { kind: number; text: string };

type ProbeProtocol = Protocol<Said, Written>;

/** A field as text; `null` for one without a value. */
function textOf(message: MessageView, field: number): string | null {
  return message.isNull(field) ? null : message.text(field);
}

/** The probe's protocol. `changes` replaces parts of it. */
export function probe(
  native: object = plugin.probe(),
  changes: Partial<ProbeProtocol> = {},
): ProbeProtocol {
  return {
    name: 'probe',
    native,
    decode: (message) => ({
      kind: message.kind,
      continues: message.continues,
      texts: Array.from({ length: message.fields }, (_, field) => textOf(message, field)),
    }),
    encode: (message, writer) => {
      if (typeof message === 'string') writer.text(message);
      else writer.kind(message.kind).text(message.text);
    },
    ...changes,
  };
}

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
