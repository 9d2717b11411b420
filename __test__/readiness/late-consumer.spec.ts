/** Consumers that come back for the next event a turn of the loop later: what that costs. */
import { drivers, makeFifo, straced, straceTest } from '../support/process.js';

const EVENTS = 100;

/** Changes of what an epoll descriptor watches, of the kinds named. The question after closed descriptors changes nothing. */
function changes(lines: string[], kinds: RegExp): string[] {
  return lines.filter((line) => kinds.test(line) && !line.includes('EEXIST'));
}

for (const driver of drivers) {
  straceTest(
    `late-consumer: who has used the event up changes nothing that the loop watches, ${driver}`,
    async (t) => {
      const args = [driver, 'before', makeFifo(t)];
      const { ended, lines } = await straced(t, 'epoll_ctl', 'late-consumer', ...args);
      t.like(ended, { code: 0, stdout: `{"told":${EVENTS}}\n`, stderr: '' });
      t.deepEqual(changes(lines, /EPOLL_CTL/), []);
    },
  );

  // To put an epoll descriptor into another's set again costs the kernel a walk through all that the first one watches.
  straceTest(
    `late-consumer: who has not leaves what the loop watches in its set, ${driver}`,
    async (t) => {
      const args = [driver, 'after', makeFifo(t)];
      const { ended, lines } = await straced(t, 'epoll_ctl', 'late-consumer', ...args);
      t.like(ended, { code: 0, stdout: `{"told":${EVENTS}}\n`, stderr: '' });
      t.deepEqual(changes(lines, /EPOLL_CTL_(?:ADD|DEL)/), []);
      t.true(changes(lines, /EPOLL_CTL_MOD/).length <= 2 * EVENTS);
    },
  );
}
