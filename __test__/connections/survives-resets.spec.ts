// The documentation's servers survive peers that reset. A reset ends only its own connection. It gives an error and never an end,
// and the program catches that error in one place. An unhandled rejection would fail this file.
import test from 'ava';
import type { Connection, Server } from 'edgepoll';

import { eventually } from '../support/eventually.js';
import { dial, receiveAll, receiveExactly, send, serverOf } from '../support/net.js';

/** The codes of the errors that the loops over connections threw. */
const thrown: string[] = [];

async function echo(connection: Connection): Promise<void> {
  for await (const chunk of connection) await connection.write(chunk);
}

async function byConnection(server: Server): Promise<void> {
  for await (const connection of server)
    void echo(connection).catch((error: NodeJS.ErrnoException) => thrown.push(error.code ?? ''));
}

async function byEvents(server: Server): Promise<void> {
  for await (const event of server.events()) {
    if (event.type === 'data') void event.connection.write(event.data);
    if (event.type === 'close' && event.reason.error !== undefined)
      thrown.push((event.reason.error as NodeJS.ErrnoException).code ?? '');
  }
}

for (const [style, serve] of Object.entries({ byConnection, byEvents })) {
  test.serial(
    `${style}: each reset, of an idle connection or in the middle of an echo, gives one error, and the server goes on`,
    async (t) => {
      thrown.length = 0;
      const server = await serverOf(t);
      const serving = serve(server);
      const many = Buffer.alloc(500_000);
      for (let round = 1; round <= 10; round += 1) {
        const peer = await dial(server.address.port);
        if (round % 2 === 0) {
          // The peer does not read the echo, so bytes are in flight in both directions at the reset.
          await send(peer, many);
        } else {
          await send(peer, 'x');
          await receiveExactly(peer, 1);
        }
        peer.resetAndDestroy();
        await eventually(`${round} resets gave an error`, () => thrown.length === round);
      }
      for (const code of thrown) t.true(['ECONNRESET', 'EPIPE'].includes(code), code);
      const peer = await dial(server.address.port);
      await send(peer, 'still here');
      t.is(String(await receiveExactly(peer, 10)), 'still here');
      peer.end();
      t.true((await receiveAll(peer)).fin);
      await server.close();
      await serving;
      t.is(thrown.length, 10);
    },
  );
}
