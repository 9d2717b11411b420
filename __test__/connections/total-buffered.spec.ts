// maxTotalBufferedAmount: what all connections of a server hold together, and the memory that goes back.
import test from 'ava';
import { listen } from 'edgepoll';
import type { Connection } from 'edgepoll';

import { eventually } from '../support/eventually.js';
import { dial, receiveAll, rejection } from '../support/net.js';
import { drivers } from '../support/process.js';

const host = '127.0.0.1';
const MIB = 1_048_576;

for (const driver of drivers) {
  test.serial(
    `peers that read nothing are closed when all hold too much, and the others stay; driver ${driver}`,
    async (t) => {
      const server = await listen({ host, port: 0, driver, maxTotalBufferedAmount: 8 * MIB });
      t.teardown(() => server.destroy());
      const accepted: Connection[] = [];
      void (async () => {
        for await (const connection of server) accepted.push(connection);
      })();
      const deaf = await Promise.all(Array.from({ length: 10 }, () => dial(server.address.port)));
      for (const socket of deaf) socket.pause();
      await eventually('all are accepted', () => accepted.length === 10);
      const reader = await dial(server.address.port);
      const all = receiveAll(reader);
      await eventually('the reader is accepted', () => accepted.length === 11);
      // Each write is more than the kernel takes, so that 2 MiB or more of each are left.
      const writes = accepted.map((connection) =>
        rejectionOrNothing(connection.write(Buffer.alloc(6 * MIB))),
      );
      const { error } = await Promise.race(
        accepted.slice(0, 10).map((connection) => connection.closed),
      );
      t.is((error as NodeJS.ErrnoException).code, 'ERR_SERVER_FULL');
      t.regex((error as Error).message, /maxTotalBufferedAmount \(8388608\)/);
      await eventually('enough is free', () => held(accepted) <= 8 * MIB);
      t.is(server.stats().shed, accepted.length - server.connections.size);
      // The peer that reads gets everything.
      await accepted[10]?.end();
      const { bytes, fin } = await all;
      t.is(bytes.length, 6 * MIB);
      t.true(fin);
      server.destroy();
      await Promise.all(writes);
      for (const socket of deaf) socket.destroy();
    },
  );
}

function held(connections: Connection[]): number {
  return connections.reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0);
}

async function rejectionOrNothing(promise: Promise<void>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return error;
  }
}

test('a limit below what one connection may hold is refused', async (t) => {
  for (const options of [
    { maxTotalBufferedAmount: 262_143 },
    { maxTotalBufferedAmount: 1_000_000, highWaterMark: 1_000_001 },
    { maxTotalBufferedAmount: 1_000_000, readHighWaterMark: 1_000_001 },
    { maxTotalBufferedAmount: 1_000_000, maxFrame: 250_001 },
  ]) {
    const error = await rejection(listen({ host, port: 0, ...options }));
    t.true(error instanceof RangeError);
    t.is(error.code, 'ERR_OUT_OF_RANGE');
    t.regex(error.message, /^maxTotalBufferedAmount must be /);
  }
  const server = await listen({ host, port: 0, maxTotalBufferedAmount: Number.MAX_SAFE_INTEGER });
  server.destroy();
});
