/** Writes of one turn: which of them leave together, and that the number of an earlier turn's write is taken for none of theirs. */
import test from 'ava';
import type { Driver } from 'edgepoll';

import { bytes } from '../support/bytes.js';
import { dial, receiveExactly, send, serverOf } from '../support/net.js';
import { straced, straceTest } from '../support/process.js';

type Writer = (slot: number, generation: number, message: Uint8Array) => number;

/** What was sent by a native call of its own. Before there is a reactor: it asks for that function when it is made. */
const direct = { writes: 0 };
const url = new URL('../native/binding.js', import.meta.resolve('edgepoll')).href;
const native = (await import(url)) as {
  ReactorBinding: { prototype: { writer: (this: unknown) => Writer } };
};
const { prototype } = native.ReactorBinding;
const { writer: real } = prototype;
prototype.writer = function (this: unknown) {
  const write = real.call(this);
  return (...all) => {
    direct.writes += 1;
    return write(...all);
  };
};

const drivers: Driver[] = ['uv', 'thread'];

/** What each send begins with. Node.js itself writes to its sockets by write and writev. */
function sends(lines: string[]): (string | undefined)[] {
  return lines
    .filter((line) => /\bsend(?:to|msg)\(/.test(line))
    .map((line) => /"([^"]*)"/.exec(line)?.[1]);
}

for (const driver of drivers) {
  straceTest(
    `staged: two of one batch to one connection leave by one system call, ${driver}`,
    async (t) => {
      const calls = 'sendto,sendmsg';
      const { ended, lines } = await straced(t, calls, 'staged-writes', driver, 'together');
      t.like(ended, { code: 0, stdout: '["1one batch","2"]\n', stderr: '' });
      t.is(sends(lines).length, 1, lines.join('\n'));
    },
  );

  straceTest(
    `staged: a write and the last one, with the end, leave by one system call, ${driver}`,
    async (t) => {
      const calls = 'sendto,sendmsg';
      const { ended, lines } = await straced(t, calls, 'staged-writes', driver, 'ended');
      t.like(ended, { code: 0, stdout: '["1one batch","2"]\n', stderr: '' });
      t.is(sends(lines).length, 1, lines.join('\n'));
    },
  );

  // One that is taken to have a follower waits for it: it leaves a turn later, behind the others.
  straceTest(
    `staged: a number of the batch before, which is another connection's now, keeps nothing back, ${driver}`,
    async (t) => {
      const calls = 'sendto,sendmsg';
      const { ended, lines } = await straced(t, calls, 'staged-writes', driver, 'crossed');
      t.like(ended, { code: 0, stdout: '["1a","2b"]\n', stderr: '' });
      t.deepEqual(sends(lines), ['a', 'b'], lines.join('\n'));
    },
  );

  // Serial: the count is everybody's.
  test.serial(
    `staged: a lent chunk goes with its batch, whatever its connection wrote in the one before, ${driver}`,
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
      // Longer than what is copied into the stage, and in one piece.
      const message = bytes(8000, 1);
      for (let round = 0; round < ROUNDS; round += 1) {
        const echoed = receiveExactly(peer, message.length);
        await send(peer, message);
        t.deepEqual(await echoed, message);
      }
      // One that came in two pieces after all has two writes in a batch, of which the second leaves by itself.
      const own = direct.writes - before;
      t.true(own < ROUNDS / 2, `${own} of ${ROUNDS}`);
      // The count counts.
      for (const connection of server.connections) await connection.write(bytes(8000, 2));
      t.is(direct.writes - before, own + 1);
      server.destroy();
      await served;
    },
  );
}
