/**
 * The driver `uv` polls for answers before the loop sleeps, while polling is cheaper than sleeping. Whether it is cheaper depends
 * on the machine. On every machine the driver tries it, delays no other work of the loop, and stops when no more messages come.
 */
import { once } from 'node:events';

import test from 'ava';

import { dial, netServer, serverOf } from '../support/net.js';
import {
  drivers,
  endedWaits,
  fixture,
  start,
  straced,
  straceTest,
  WAITS,
} from '../support/process.js';
import { reportOf } from '../support/injected.js';

/** A poll of two descriptors, the loop's and the reactor's, that does not wait. */
const busyPoll = /\bp?poll\(.*(?:, 2, 0\)|\{tv_sec=0, tv_nsec=0\}).* = /;
/** Room for the waits of the runtime itself in a second, and for those that the last messages caused. */
const mostWaits = 6;

for (const driver of drivers) {
  straceTest(
    `busy-poll: only the driver uv polls for a peer that answers at once: ${driver}`,
    async (t) => {
      const { ended, lines } = await straced(t, WAITS, 'busy-poll', driver, 'answers');
      t.deepEqual(reportOf(ended), { echoes: 2000 });
      const polls = lines.filter((line) => busyPoll.test(line)).length;
      t.is(polls > 0, driver === 'uv', `${polls} polls among ${lines.length} calls`);
    },
  );

  straceTest(
    `hazard-100 no-busy-loop: polling stops when no more messages come, ${driver}`,
    async (t) => {
      const { ended, lines } = await straced(t, WAITS, 'busy-poll', driver, 'quiet');
      t.deepEqual(reportOf(ended), { echoes: 2000 });
      const waits = endedWaits(lines);
      const polls = lines.filter((line) => busyPoll.test(line)).length;
      t.true(
        waits.length - polls <= mostWaits,
        `${waits.length} waits:\n${waits.slice(-20).join('\n')}`,
      );
      // The driver may poll once more, for a millisecond at most.
      t.true(polls <= 1000, `${polls} polls`);
    },
  );

  test(`busy-poll: other work in the loop has its turn, ${driver}`, async (t) => {
    const server = await serverOf(t, { driver });
    const other = await netServer(t, '127.0.0.1', (socket) => socket.pipe(socket));
    const peer = start(process.execPath, [fixture('answering'), String(server.address.port)]);
    t.teardown(() => peer.process.kill('SIGKILL'));
    const socket = await dial(other.port);
    t.teardown(() => socket.destroy());
    let echoes = 0;
    /** The most messages that the server received while one `action` was pending, of 500 actions in a row. */
    const mostEchoesDuring = async (action: () => Promise<unknown>): Promise<number> => {
      let most = 0;
      for (let round = 0; round < 500; round += 1) {
        const before = echoes;
        await action();
        most = Math.max(most, echoes - before);
      }
      return most;
    };
    const work = async () => ({
      immediate: await mostEchoesDuring(
        () =>
          new Promise((resolve) => {
            setImmediate(resolve);
          }),
      ),
      answer: await mostEchoesDuring(async () => {
        const answer = once(socket, 'data');
        socket.write('x');
        await answer;
      }),
    });
    let done = false;
    let working: ReturnType<typeof work> | undefined;
    for await (const event of server.events()) {
      if (event.type !== 'data') continue;
      echoes += 1;
      // By now the driver has begun its first trial of polling.
      if (echoes === 200) {
        working = work();
        void working.then(() => (done = true));
      }
      if (done) break;
      void event.connection.write(event.data);
    }
    const most = await working;
    // The driver `thread` may make eight calls in a row.
    t.true((most?.immediate ?? Infinity) <= 10, `${most?.immediate} messages before an immediate`);
    // An answer takes two hops, each delayed by at most sixteen turns of polling.
    t.true((most?.answer ?? Infinity) <= 50, `${most?.answer} messages before an answer`);
  });
}
