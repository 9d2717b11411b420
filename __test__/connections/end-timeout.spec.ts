/**
 * How long a connection that ended waits for a peer that reads late or never. The kernel reports room in its send buffer only
 * once a third of it is free, so there is often room that no event reports.
 */
import { setTimeout as delay } from 'node:timers/promises';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Connection } from 'edgepoll';
import { socket } from 'edgepoll/fd';
import type { Socket } from 'edgepoll/fd';

import { nextOf, serverOf } from '../support/net.js';
import { drivers } from '../support/process.js';

type Driver = (typeof drivers)[number];

/** An accepted connection, and a peer that reads nothing by itself. */
async function pair(
  t: ExecutionContext,
  endTimeout: number,
  driver: Driver,
): Promise<{ connection: Connection; peer: Socket }> {
  const server = await serverOf(t, { endTimeout, driver });
  const peer = socket('inet', 'stream');
  t.teardown(() => peer.close());
  peer.connect({ family: 'inet', address: '127.0.0.1', port: server.address.port });
  return { connection: await nextOf(server[Symbol.asyncIterator]()), peer };
}

/** Milliseconds. */
const TIMEOUT = 800;
/** More than the kernel takes. */
const LARGE = 12_000_000;

/**
 * Whether a peer that reads nothing is given up before another connection, which waits for its peer's end for 1.75 times as long.
 * Both deadlines run on the same machine at the same time, so load delays both.
 */
async function isGivenUpFirst(t: ExecutionContext, driver: Driver): Promise<boolean> {
  const unread = await pair(t, TIMEOUT, driver);
  const other = await pair(t, TIMEOUT * 1.75, driver);
  unread.connection.write(Buffer.alloc(LARGE)).catch(() => {});
  unread.connection.end().catch(() => {});
  void other.connection.end();
  const order: string[] = [];
  await Promise.all([
    unread.connection.closed.then(({ error }) => order.push(`unread ${errorCode(error)}`)),
    other.connection.closed.then(({ error }) => order.push(`other ${errorCode(error)}`)),
  ]);
  t.deepEqual(order.toSorted(), ['other ETIMEDOUT', 'unread ETIMEDOUT']);
  return order[0] === 'unread ETIMEDOUT';
}

function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? 'none';
}

for (const driver of drivers) {
  test(`endTimeout: a peer that reads nothing is given up after that time, and not after twice as long, ${driver}`, async (t) => {
    // If the machine stops for half a second, both end at once and the order is lost. So the test tries five times.
    for (let round = 0; round < 5; round += 1) if (await isGivenUpFirst(t, driver)) return;
    t.fail('the connection whose peer reads nothing was always the last one');
  });

  test(`endTimeout: a peer that reads slowly gets everything, ${driver}`, async (t) => {
    const { connection, peer } = await pair(t, TIMEOUT, driver);
    connection.write(Buffer.alloc(LARGE)).catch(() => {});
    const ended = connection.end();
    const into = Buffer.alloc(65_536);
    let read = 0;
    const readUpTo = async (most: number): Promise<void> => {
      while (read < most) {
        const length = peer.read(into);
        if (length === null) await peer.readable({ driver });
        else if (length === 0) return;
        else read += length;
      }
    };
    // Less than the kernel reports within the time.
    for (let step = 1; step <= 15; step += 1) {
      await readUpTo(step * 65_536);
      await delay(TIMEOUT / 5);
    }
    await readUpTo(LARGE);
    await ended;
    peer.close();
    t.like(await connection.closed, { cause: 'ended', bytesUnsent: 0 });
  });
}
