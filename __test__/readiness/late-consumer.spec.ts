/** Consumers that take the next event a turn of the loop later: which epoll_ctl calls that costs. */
import { drivers, makeFifo, straced, straceTest } from '../support/process.js';

const EVENTS = 100;

/** The epoll_ctl calls of these kinds that change a set. Those that fail with EEXIST only check whether a descriptor is open. */
function changes(lines: string[], kinds: RegExp): string[] {
  return lines.filter((line) => kinds.test(line) && !line.includes('EEXIST'));
}

for (const driver of drivers) {
  straceTest(
    `late-consumer: a consumer that read before the turn causes no epoll_ctl, ${driver}`,
    async (t) => {
      const args = [driver, 'before', makeFifo(t)];
      const { ended, lines } = await straced(t, 'epoll_ctl', 'late-consumer', ...args);
      t.like(ended, { code: 0, stdout: `{"reported":${EVENTS}}\n`, stderr: '' });
      t.deepEqual(changes(lines, /EPOLL_CTL/), []);
    },
  );

  // Adding an epoll descriptor to another one's set makes the kernel walk through all registrations of the first.
  straceTest(
    `late-consumer: a consumer that reads after the turn leaves the poller in the loop's set, ${driver}`,
    async (t) => {
      const args = [driver, 'after', makeFifo(t)];
      const { ended, lines } = await straced(t, 'epoll_ctl', 'late-consumer', ...args);
      t.like(ended, { code: 0, stdout: `{"reported":${EVENTS}}\n`, stderr: '' });
      t.deepEqual(changes(lines, /EPOLL_CTL_(?:ADD|DEL)/), []);
      t.true(changes(lines, /EPOLL_CTL_MOD/).length <= 2 * EVENTS);
    },
  );
}
