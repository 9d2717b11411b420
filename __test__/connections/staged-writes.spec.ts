/**
 * Which writes of one turn are sent together. A write number that was kept from an earlier turn must not be mistaken for one of
 * this turn.
 */
import test from 'ava';
import type { Driver } from 'edgepoll';

import { addon } from '../support/addon.js';
import { bytes } from '../support/bytes.js';
import { dial, receiveExactly, send, serverOf } from '../support/net.js';
import { straced, straceTest } from '../support/process.js';

type Writer = (slot: number, generation: number, message: Uint8Array) => number;

/** How many writes made a native call of their own. The method is replaced before the first reactor takes it. */
const direct = { writes: 0 };
const { prototype } = (
  addon as { ReactorBinding: { prototype: { writer: (this: unknown) => Writer } } }
).ReactorBinding;
const { writer: real } = prototype;
prototype.writer = function (this: unknown) {
  const write = real.call(this);
  return (...all) => {
    direct.writes += 1;
    return write(...all);
  };
};

const drivers: Driver[] = ['uv', 'thread'];

/** The text that each send begins with. Node.js itself writes to its sockets by write and writev. */
function sends(lines: string[]): (string | undefined)[] {
  return lines
    .filter((line) => /\bsend(?:to|msg)\(/.test(line))
    .map((line) => /"([^"]*)"/.exec(line)?.[1]);
}

for (const driver of drivers) {
  straceTest(
    `staged: two writes of one batch to one connection are sent by one system call, ${driver}`,
    async (t) => {
      const calls = 'sendto,sendmsg';
      const { ended, lines } = await straced(t, calls, 'staged-writes', driver, 'together');
      t.like(ended, { code: 0, stdout: '["1one batch","2"]\n', stderr: '' });
      t.is(sends(lines).length, 1, lines.join('\n'));
    },
  );

  straceTest(`staged: a write and end(data) are sent by one system call, ${driver}`, async (t) => {
    const calls = 'sendto,sendmsg';
    const { ended, lines } = await straced(t, calls, 'staged-writes', driver, 'ended');
    t.like(ended, { code: 0, stdout: '["1one batch","2"]\n', stderr: '' });
    t.is(sends(lines).length, 1, lines.join('\n'));
  });

  straceTest(
    `staged: what a loop over read() writes outside a turn is sent by one system call, ${driver}`,
    async (t) => {
      const calls = 'sendto,sendmsg';
      const { ended, lines } = await straced(t, calls, 'staged-writes', driver, 'read');
      const echoed = JSON.stringify([`1\n${'x\n'.repeat(20)}`, '2\n']);
      t.like(ended, { code: 0, stdout: `${echoed}\n`, stderr: '' });
      t.is(sends(lines).length, 1, lines.join('\n'));
    },
  );

  // A write that seems to be followed by another of its connection waits for that one, so it would be sent a turn later.
  straceTest(
    `staged: a write number of the batch before, used again by another connection, delays no write, ${driver}`,
    async (t) => {
      const calls = 'sendto,sendmsg';
      const { ended, lines } = await straced(t, calls, 'staged-writes', driver, 'crossed');
      t.like(ended, { code: 0, stdout: '["1a","2b"]\n', stderr: '' });
      t.deepEqual(sends(lines), ['a', 'b'], lines.join('\n'));
    },
  );

  // Serial, because the count is of the whole process.
  test.serial(
    `staged: a lent chunk is sent with its batch, whatever its connection wrote in the batch before, ${driver}`,
    async (t) => {
      const ROUNDS = 50;
      const server = await serverOf(t, { driver, chunks: 'borrowed' });
      const served = (async () => {
        for await (const event of server.events())
          if (event.type === 'data') void event.connection.write(event.data);
      })();
      const peer = await dial(server.address.port);
      t.teardown(() => peer.destroy());
      const before = direct.writes;
      // Too long to be copied into the staging area, and received as one chunk.
      const message = bytes(8000, 1);
      for (let round = 0; round < ROUNDS; round += 1) {
        const echoed = receiveExactly(peer, message.length);
        await send(peer, message);
        t.deepEqual(await echoed, message);
      }
      // If a message came in two chunks all the same, its batch has two writes, and the second makes a call of its own.
      const own = direct.writes - before;
      t.true(own < ROUNDS / 2, `${own} of ${ROUNDS}`);
      // A write outside a batch makes a call of its own, which shows that the count works.
      for (const connection of server.connections) await connection.write(bytes(8000, 2));
      t.is(direct.writes - before, own + 1);
      server.destroy();
      await served;
    },
  );
}
