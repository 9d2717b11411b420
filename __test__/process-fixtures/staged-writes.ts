/**
 * Small writes of one turn, between two marks for strace: `staged-writes DRIVER CASE`. Says what each peer received.
 *
 * `together`: two to one connection. `ended`: one, and the last one with the end. `crossed`: one to each of two connections, whose order was the other way round in
 * the batch before, so that the number of the second one's earlier write is that of the first one's now.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';

import type { Connection, Driver } from 'edgepoll';
import { listen } from 'edgepoll';

import { mark } from './mark.js';

const [driver, name] = process.argv.slice(2);
const host = '127.0.0.1';
const server = await listen({ host, port: 0, driver: driver as Driver });
const accepted = server[Symbol.asyncIterator]();

interface Pair {
  connection: Connection;
  peer: Socket;
  got: { text: string };
}

async function pair(): Promise<Pair> {
  const peer = connect({ port: server.address.port, host });
  const [{ value: connection }] = await Promise.all([accepted.next(), once(peer, 'connect')]);
  if (connection === undefined) throw new Error('no connection');
  const got = { text: '' };
  peer.setEncoding('utf8').on('data', (text: string) => (got.text += text));
  return { connection, peer, got };
}

async function received({ peer, got }: Pair, length: number): Promise<void> {
  while (got.text.length < length) await once(peer, 'data');
}

const [first, second] = [await pair(), await pair()];
void second.connection.write('2');
void first.connection.write('1');
await Promise.all([received(first, 1), received(second, 1)]);

mark('begin');
if (name === 'together') {
  void first.connection.write('one ');
  void first.connection.write('batch');
  await received(first, 10);
} else if (name === 'ended') {
  void first.connection.write('one ');
  void first.connection.end('batch');
  await received(first, 10);
} else {
  void first.connection.write('a');
  void second.connection.write('b');
  await Promise.all([received(first, 2), received(second, 2)]);
}
mark('end');
process.stdout.write(`${JSON.stringify([first.got.text, second.got.text])}\n`, () =>
  process.exit(),
);
