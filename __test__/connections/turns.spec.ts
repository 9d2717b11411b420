// How much work one callback of the driver does: several batches if they are ready, but never so many that the event loop is
// delayed for long.
import test from 'ava';
import { connect } from 'edgepoll';
import type { Connection, Driver } from 'edgepoll';

import { dial, nextOf, pairOf, receiveExactly, send, serverOf } from '../support/net.js';
import type { Socket } from '../support/net.js';

const drivers: Driver[] = ['uv', 'thread'];

for (const driver of drivers) {
  test(`turns: clients that always answer leave the event loop its turns, ${driver}`, async (t) => {
    // Both ends are in one thread, so every send makes another connection ready before the turn is over.
    const server = await serverOf(t, { driver });
    const served = (async () => {
      for await (const event of server.events()) {
        if (event.type === 'data') void event.connection.write(event.data);
      }
    })();
    const clients = await Promise.all(
      Array.from({ length: 32 }, () =>
        connect({ host: '127.0.0.1', port: server.address.port, driver }),
      ),
    );
    let echoes = 0;
    let rounds = 0;
    const timer = (): void => {
      rounds += 1;
      if (echoes < 100_000) setImmediate(timer);
    };
    timer();
    await Promise.all(
      clients.map(async (client) => {
        await client.write('ping');
        for await (const chunk of client) {
          echoes += 1;
          if (echoes >= 100_000) break;
          await client.write(chunk);
        }
      }),
    );
    // An echo is two messages. Between two rounds of the loop are at most 256 and one batch of all 64 connections.
    t.true(rounds >= (2 * 100_000) / (256 + 64) / 2, `${rounds} rounds`);
    server.destroy();
    await served;
  });

  test(`turns: closes that cause each other are all reported, ${driver}`, async (t) => {
    const server = await serverOf(t, { driver, allowHalfOpen: true });
    const accepted = server[Symbol.asyncIterator]();
    const pair = async (): Promise<[Connection, Socket]> => {
      const both = await Promise.all([nextOf(accepted), dial(server.address.port)]);
      t.teardown(() => both[1].destroy());
      return both;
    };
    const [first, peer] = await pair();
    const ended: Connection[] = [];
    // More closes than one callback reports.
    for (let count = 0; count < 12; count += 1) {
      const [connection, other] = await pair();
      other.end();
      t.is(await connection.read(), null);
      ended.push(connection);
    }
    const causes = (async () => {
      await first.read();
      const found: string[] = [];
      for (const connection of ended) {
        void connection.end();
        found.push((await connection.closed).cause);
      }
      return found;
    })();
    await send(peer, 'go');
    t.deepEqual(
      await causes,
      ended.map(() => 'ended'),
    );
  });

  test(`turns: a write after the end of a turn is sent without another event, ${driver}`, async (t) => {
    const { connection, peer } = await pairOf(t, { driver });
    for (const word of ['once', 'more']) {
      await send(peer, word);
      t.is((await connection.read())?.toString(), word);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      void connection.write(word);
      t.is((await receiveExactly(peer, 4)).toString(), word);
    }
  });
}
