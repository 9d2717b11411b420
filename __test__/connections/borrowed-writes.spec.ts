// Writing a borrowed chunk: it is sent from where it lies, together with its batch, and must arrive as if it had been
// copied. The tests are serial and alone in their file, because a chunk that one consumer holds keeps the memory of every
// borrowing connection of the thread.
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Connection, Driver, Server } from 'edgepoll';

import { bytes, numbers } from '../support/bytes.js';
import { eventually, rounds, watch } from '../support/eventually.js';
import {
  dial,
  nextOf,
  pairOf,
  receiveAll,
  receiveExactly,
  send,
  serverOf,
} from '../support/net.js';
import type { Socket } from '../support/net.js';
import { fillKernel } from './helpers.js';

const drivers: Driver[] = ['uv', 'thread'];
/** More than the memory that is lent holds, so all of that memory is received into again while chunks are written. */
const STREAM = 1_500_000;

/** Opens `count` connections to the server and destroys them after the test. */
async function dialAll(t: ExecutionContext, server: Server, count: number): Promise<Socket[]> {
  const peers = await Promise.all(Array.from({ length: count }, () => dial(server.address.port)));
  for (const peer of peers) t.teardown(() => peer.destroy());
  return peers;
}

async function byEvents(server: Server): Promise<void> {
  for await (const event of server.events()) {
    if (event.type === 'data') void event.connection.write(event.data);
  }
}

async function byConnection(server: Server): Promise<void> {
  const echo = async (connection: Connection): Promise<void> => {
    for await (const chunk of connection) await connection.write(chunk);
  };
  for await (const connection of server) void echo(connection);
}

for (const driver of drivers) {
  for (const echo of [byEvents, byConnection]) {
    test.serial(`borrowed writes: every stream comes back, ${echo.name}, ${driver}`, async (t) => {
      const server = await serverOf(t, { driver, chunks: 'borrowed' });
      const served = echo(server);
      const peers = await dialAll(t, server, 6);
      await Promise.all(
        peers.map(async (peer, index) => {
          const random = numbers(index);
          for (let at = 0; at < STREAM;) {
            // The short ones are sent together with other writes, and the longest pass the watermark.
            const message = bytes(Math.ceil(random() ** 3 * 70_000), at + index);
            const cut = Math.floor(random() * message.length);
            const echoed = receiveExactly(peer, message.length);
            await Promise.all([
              send(peer, message.subarray(0, cut)),
              send(peer, message.subarray(cut)),
            ]);
            if ((await echoed).compare(message) !== 0) t.fail(`peer ${index} at ${at}`);
            at += message.length;
          }
        }),
      );
      server.destroy();
      await served;
      t.pass();
    });
  }

  test.serial(
    `borrowed writes: to none, one or three connections, in any order of the batch, ${driver}`,
    async (t) => {
      const server = await serverOf(t, { driver, chunks: 'borrowed' });
      const events = server.events();
      const peers = await dialAll(t, server, 40);
      const connections: Connection[] = [];
      while (connections.length < peers.length) {
        const event = await nextOf(events);
        if (event.type === 'open') connections.push(event.connection);
      }
      const random = numbers(11);
      const sent = connections.map((): Buffer[] => []);
      const missing = { bytes: peers.length * 50_000 };
      await Promise.all(peers.map((peer, index) => send(peer, bytes(50_000, index + 1))));
      while (missing.bytes > 0) {
        const event = await nextOf(events);
        if (event.type !== 'data') continue;
        missing.bytes -= event.data.length;
        // The chunk goes to none, one or three connections, whole or in part.
        const receivers = random() < 0.4 ? 0 : random() < 0.5 ? 1 : 3;
        for (let count = 0; count < receivers; count += 1) {
          const to = Math.floor(random() * connections.length);
          const part = random() < 0.7 ? event.data : event.data.subarray(3);
          void connections[to]?.write(part);
          sent[to]?.push(Buffer.from(part));
        }
      }
      const expected = sent.map((parts) => Buffer.concat(parts));
      const arrived = await Promise.all(
        peers.map((peer, index) => {
          // The kernel may accept the connections in another order than the peers dialled.
          const at = connections.findIndex((one) => one.remoteAddress?.port === peer.localPort);
          return receiveExactly(peer, expected[at]?.length ?? -1).then((all) => ({
            at,
            all,
            index,
          }));
        }),
      );
      for (const { at, all, index } of arrived) {
        if (all.compare(expected[at] ?? Buffer.alloc(0)) !== 0) t.fail(`peer ${index}`);
      }
      t.true(expected.reduce((sum, one) => sum + one.length, 0) > 1_000_000);
      await events.return?.();
    },
  );

  test.serial(
    `borrowed writes: a chunk's own length property does not change what is sent, ${driver}`,
    async (t) => {
      const from = await pairOf(t, { driver, chunks: 'borrowed' });
      const to = await pairOf(t, { driver });
      const [chunk] = await Promise.all([from.connection.read(), send(from.peer, 'ten bytes.')]);
      Object.defineProperties(chunk, { length: { value: 50 }, byteLength: { value: 50 } });
      void to.connection.write(chunk ?? '');
      const [{ bytes: all }] = await Promise.all([receiveAll(to.peer), to.connection.end()]);
      t.is(all.toString(), 'ten bytes.');
    },
  );

  test.serial(
    `borrowed writes: a chunk with a delimiter is refused as a line, ${driver}`,
    async (t) => {
      const from = await pairOf(t, { driver, chunks: 'borrowed' });
      const to = await pairOf(t, { driver, framing: 'lines' });
      // Longer than the writes that are copied into the staging area.
      const [chunk] = await Promise.all([
        from.connection.read(),
        send(from.peer, Buffer.alloc(16_384, 'two\nlines')),
      ]);
      await t.throwsAsync(to.connection.write(chunk ?? ''), { code: 'ERR_MALFORMED' });
    },
  );

  test.serial(
    `borrowed writes: a chunk that passes highWaterMark makes its write wait, as a copied one does, ${driver}`,
    async (t) => {
      const from = await pairOf(t, { driver, chunks: 'borrowed' });
      const { connection, peer } = await pairOf(t, { driver });
      let written = 0;
      const write = (data: Buffer): { fulfilled: boolean } => {
        written += data.length;
        return watch(connection.write(data));
      };
      await fillKernel(connection, () => write(Buffer.alloc(16_384)));
      write(Buffer.alloc(65_536 - 5000 - connection.bufferedAmount));
      await send(from.peer, bytes(16_384, 1));
      await eventually('it is received', () => from.connection.bytesRead === 16_384);
      const chunk = (await from.connection.read()) ?? t.fail('the end');
      t.true(chunk.length > 5000, `${chunk.length} bytes in one chunk`);
      const answer = write(chunk);
      await rounds(1);
      t.false(answer.fulfilled);
      t.is(connection.bufferedAmount, 65_536 - 5000 + chunk.length);
      await receiveExactly(peer, written);
      connection.destroy();
      from.connection.destroy();
      while ((await from.connection.read()) !== null);
    },
  );

  test.serial(`borrowed writes: all ways to send keep their order, ${driver}`, async (t) => {
    const { connection, peer } = await pairOf(t, { driver, chunks: 'borrowed' });
    const large = bytes(20_000, 5);
    for (let round = 0; round < 50; round += 1) {
      await send(peer, bytes(9000 + round, round));
      const expected: Buffer[] = [];
      const write = (data: Buffer): void => {
        void connection.write(data);
        expected.push(Buffer.from(data));
      };
      for (let missing = 9000 + round; missing > 0;) {
        const chunk = (await connection.read()) ?? t.fail('the end');
        missing -= chunk.length;
        write(Buffer.from(`<${round}>`));
        write(chunk);
        write(Buffer.from('again'));
        write(chunk);
        write(large);
        write(chunk.subarray(1));
        write(chunk);
        write(Buffer.from('end'));
      }
      const all = Buffer.concat(expected);
      if ((await receiveExactly(peer, all.length)).compare(all) !== 0) t.fail(`round ${round}`);
    }
    connection.destroy();
    t.pass();
  });

  test.serial(
    `borrowed writes: a peer that does not read stops the connection that forwards to it, ${driver}`,
    async (t) => {
      const server = await serverOf(t, { driver, chunks: 'borrowed', highWaterMark: 32_768 });
      const accepted = server[Symbol.asyncIterator]();
      const [source, from] = await Promise.all([dial(server.address.port), nextOf(accepted)]);
      const [sink, to] = await Promise.all([dial(server.address.port), nextOf(accepted)]);
      t.teardown(() => {
        source.destroy();
        sink.destroy();
      });
      // More than all buffers on the way hold together.
      const message = bytes(48_000_000, 9);
      const sent = send(source, message);
      let most = 0;
      let forwarded = 0;
      const forward = (async () => {
        for await (const chunk of from) {
          const room = to.write(chunk);
          forwarded += chunk.length;
          most = Math.max(most, to.bufferedAmount);
          await room;
        }
      })();
      let before = -1;
      await eventually('the forwarder waits', () => {
        const stands = forwarded === before && forwarded > 0 && to.bufferedAmount >= 32_768;
        before = forwarded;
        return stands;
      });
      t.true(forwarded < message.length, 'the source was stopped');
      // The watermark, and the one chunk that passes it: no chunk is longer than the memory that is lent.
      t.true(most <= 32_768 + 1_048_576, `${most} bytes`);
      const arrived = await receiveExactly(sink, message.length);
      t.is(arrived.compare(message), 0);
      await sent;
      source.end();
      await forward;
      t.is(to.bufferedAmount, 0);
    },
  );
}
