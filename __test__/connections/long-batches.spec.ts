// A consumer that needs long for one batch: the event loop gets turns between the items.
import { setImmediate } from 'node:timers';
import { setTimeout as pause } from 'node:timers/promises';

import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Connection, Driver, Server } from 'edgepoll';

import { eventually } from '../support/eventually.js';
import { dial, pairOf, send, serverOf } from '../support/net.js';

const LINES = 900;
const CONNECTIONS = 200;

/** Writes every line to all connections, as a chat does. Calls `took` once for each line. */
type Broadcast = (server: Server, all: Set<Connection>, took: () => void) => void;

const byEvents: Broadcast = (server, all, took) => {
  void (async () => {
    for await (const event of server.events()) {
      if (event.type === 'open') all.add(event.connection);
      if (event.type !== 'data') continue;
      for (const connection of all) void connection.write(event.data);
      took();
    }
  })();
};

/** A loop for each connection, over its iterator or by read(). */
const byConnection =
  (chunksOf: (connection: Connection) => AsyncIterable<Buffer>): Broadcast =>
  (server, all, took) => {
    void (async () => {
      for await (const connection of server) {
        all.add(connection);
        void (async () => {
          for await (const line of chunksOf(connection)) {
            for (const each of all) void each.write(line);
            took();
          }
        })();
      }
    })();
  };

async function* reads(connection: Connection): AsyncGenerator<Buffer> {
  for (let line = await connection.read(); line !== null; line = await connection.read())
    yield line;
}

const styles: Record<string, Broadcast> = {
  'events()': byEvents,
  'an iterator per connection': byConnection((connection) => connection),
  'read()': byConnection(reads),
};

/** Milliseconds of CPU time of this process. Unlike the clock, CPU time does not depend on other processes. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Runs a timer repeatedly until `isDone`. Resolves with the longest CPU time between two of its turns, and their number. */
async function timersDuring(isDone: () => boolean): Promise<{ longest: number; turns: number }> {
  let longest = 0;
  let turns = 0;
  for (let before = cpuTime(); !isDone(); turns += 1) {
    await pause(1);
    const after = cpuTime();
    longest = Math.max(longest, after - before);
    before = after;
  }
  return { longest, turns };
}

async function broadcast(t: ExecutionContext, run: Broadcast, driver: Driver): Promise<void> {
  const server = await serverOf(t, { driver, framing: 'lines', readHighWaterMark: 1_048_576 });
  const all = new Set<Connection>();
  let taken = 0;
  run(server, all, () => (taken += 1));
  const peers = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => dial(server.address.port)),
  );
  for (const peer of peers) t.teardown(() => peer.destroy());
  await eventually('all are there', () => all.size === CONNECTIONS);
  const [peer] = peers as [(typeof peers)[number]];
  await send(peer, 'x\n'.repeat(LINES));
  const began = cpuTime();
  const { longest, turns } = await timersDuring(() => taken === LINES);
  const total = cpuTime() - began;
  t.log(`${total.toFixed(0)} ms of CPU time, ${turns} turns, ${longest.toFixed(0)} ms at most`);
  t.true(total > 250, 'the broadcast takes long enough to show a delay');
  t.true(longest < 100, `${longest} ms without a timer`);
  server.destroy();
}

/** Passes the lines of all connections to `took`, one after the other. */
type Taking = (server: Server, took: (line: Buffer) => void) => void;

const takings: Record<string, Taking> = {
  'events()': (server, took) => {
    void (async () => {
      for await (const event of server.events()) if (event.type === 'data') took(event.data);
    })();
  },
  'an iterator': (server, took) => {
    void (async () => {
      for await (const connection of server)
        void (async () => {
          for await (const line of connection) took(line);
        })();
    })();
  },
};

/** Lines that take no time, then as many that take `LONG` milliseconds each. */
async function slowsDown(t: ExecutionContext, take: Taking, driver: Driver): Promise<void> {
  const [MANY, LONG] = [64, 6];
  const server = await serverOf(t, { driver, framing: 'lines' });
  let taken = 0;
  /** How many long lines were taken since the event loop had its turn, and the most of them. */
  let [since, most] = [0, 0];
  take(server, (line) => {
    taken += 1;
    if (line.length === 1) return;
    since += 1;
    most = Math.max(most, since);
    const until = performance.now() + LONG;
    while (performance.now() < until);
  });
  const turn = (): void => {
    since = 0;
    if (taken < 2 * MANY) setImmediate(turn);
  };
  turn();
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  await send(peer, 'x\n'.repeat(MANY));
  await eventually('the short lines are taken', () => taken === MANY);
  await send(peer, 'long\n'.repeat(MANY));
  await eventually('the long lines are taken', () => taken === 2 * MANY);
  // The consumer waits for the first line. The clock is read before the second line and before the fourth.
  t.true(most <= 3, `${most} lines without a turn`);
  server.destroy();
}

for (const driver of ['uv', 'thread'] satisfies Driver[]) {
  for (const [style, take] of Object.entries(takings)) {
    test.serial(
      `lines that take long, after others that do not, leave the loop its turns: ${style}, ${driver}`,
      (t) => slowsDown(t, take, driver),
    );
  }

  test.serial(
    `awaited writes that need not wait leave the loop its turns, ${driver}`,
    async (t) => {
      const { connection } = await pairOf(t, { driver });
      let hasTurned = false;
      setImmediate(() => (hasTurned = true));
      // The writes fit into the kernel's buffers, so none waits for room. Together they take much longer than a consumer's turn.
      for (let count = 0; count < 100_000; count += 1) await connection.write('x');
      t.true(hasTurned);
    },
  );

  test.serial(
    `awaited writes with work between them leave the loop its turns, ${driver}`,
    async (t) => {
      const { connection } = await pairOf(t, { driver });
      const [WRITES, LONG] = [60, 6];
      /** How many writes were made since the event loop had its turn, and the most of them. */
      let [since, most] = [0, 0];
      let isDone = false;
      const turn = (): void => {
        since = 0;
        if (!isDone) setImmediate(turn);
      };
      turn();
      for (let count = 0; count < WRITES; count += 1) {
        const until = performance.now() + LONG;
        while (performance.now() < until);
        since += 1;
        most = Math.max(most, since);
        await connection.write('x');
      }
      isDone = true;
      // If the writes before took little time, the clock is read after 16 of these, and then after each.
      t.true(most <= 16 + 2, `${most} writes without a turn`);
    },
  );

  for (const [style, run] of Object.entries(styles)) {
    test.serial(
      `a broadcast of ${LINES} lines leaves timers their turns: ${style}, ${driver}`,
      (t) => broadcast(t, run, driver),
    );
  }
}
