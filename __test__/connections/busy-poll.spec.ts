/**
 * The driver `uv` looks for answers before the loop sleeps while that is cheaper. Whether it is depends on the machine;
 * that it tries, that it costs nobody else a turn, and that it ends with the messages does not.
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

/** A look: whether anything of the loop's is ready, or of ours, without waiting. */
const look = /\bp?poll\(.*(?:, 2, 0\)|\{tv_sec=0, tv_nsec=0\}).* = /;
/** What a runtime waits for on its own account in a second, and whatever a message left behind. */
const mostWaits = 6;

for (const driver of drivers) {
  straceTest(
    `busy-poll: a peer that answers at once is looked for, by the driver uv alone: ${driver}`,
    async (t) => {
      const { ended, lines } = await straced(t, WAITS, 'busy-poll', driver, 'answers');
      t.deepEqual(reportOf(ended), { echoes: 2000 });
      const looks = lines.filter((line) => look.test(line)).length;
      t.is(looks > 0, driver === 'uv', `${looks} looks among ${lines.length} calls`);
    },
  );

  straceTest(`hazard-100 no-busy-loop: looking ends with the messages, ${driver}`, async (t) => {
    const { ended, lines } = await straced(t, WAITS, 'busy-poll', driver, 'quiet');
    t.deepEqual(reportOf(ended), { echoes: 2000 });
    const waits = endedWaits(lines);
    const looks = lines.filter((line) => look.test(line)).length;
    t.true(
      waits.length - looks <= mostWaits,
      `${waits.length} waits:\n${waits.slice(-20).join('\n')}`,
    );
    // One look of a millisecond at most.
    t.true(looks <= 1000, `${looks} looks`);
  });

  test(`busy-poll: whoever else has something to do in the loop has its turn, ${driver}`, async (t) => {
    const server = await serverOf(t, { driver });
    const other = await netServer(t, '127.0.0.1', (socket) => socket.pipe(socket));
    const peer = start(process.execPath, [fixture('answering'), String(server.address.port)]);
    t.teardown(() => peer.process.kill('SIGKILL'));
    const socket = await dial(other.port);
    t.teardown(() => socket.destroy());
    let echoes = 0;
    /** How many messages are told at most between what one of them asks for and that. */
    const waits = async (ask: () => Promise<unknown>): Promise<number> => {
      let most = 0;
      for (let round = 0; round < 500; round += 1) {
        const before = echoes;
        await ask();
        most = Math.max(most, echoes - before);
      }
      return most;
    };
    const work = async () => ({
      immediate: await waits(
        () =>
          new Promise((resolve) => {
            setImmediate(resolve);
          }),
      ),
      answer: await waits(async () => {
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
      // The first trial is under way or over.
      if (echoes === 200) {
        working = work();
        void working.then(() => (done = true));
      }
      if (done) break;
      void event.connection.write(event.data);
    }
    const most = await working;
    // The thread's calls may be eight in a row.
    t.true((most?.immediate ?? Infinity) <= 10, `${most?.immediate} messages before an immediate`);
    // Two hops, each after at most sixteen turns in place of sleeps.
    t.true((most?.answer ?? Infinity) <= 50, `${most?.answer} messages before an answer`);
  });
}
