/**
 * What operations cost among many idle descriptors, in CPU time by what they cost among none: `among-many CASE`.
 * Says the ratio of medians of several rounds; the side without is measured before and after, for a machine that is busier later.
 */
import { setImmediate as turn } from 'node:timers/promises';

import { Poller } from 'edgepoll';
import { Epoll } from 'edgepoll/epoll';
import type { EventFd } from 'edgepoll/fd';
import { eventfd } from 'edgepoll/fd';

import { mostDescriptors, openDescriptors } from '../support/descriptors.js';

const ROUNDS = 7;

interface Case {
  /** In a round. */
  operations: number;
  /** Has `idle` watched too, where something is, until the function that it gives is called. */
  watch: (idle: EventFd) => () => void;
  /** So many operations. */
  run: (count: number) => Promise<void> | void;
}

const cases: Record<string, () => Case> = {
  'a descriptor that comes and goes': () => ({
    operations: 4000,
    watch: () => () => {},
    run(count) {
      for (let done = 0; done < count; done += 1) eventfd().close();
    },
  }),

  'a number that is removed and added again': () => {
    const own = eventfd();
    const epoll = new Epoll(() => {});
    return {
      operations: 4000,
      watch({ fd }) {
        epoll.add(fd, Epoll.EPOLLIN);
        return () => void epoll.remove(fd);
      },
      run(count) {
        for (let done = 0; done < count; done += 1) epoll.add(own.fd, Epoll.EPOLLIN).remove(own.fd);
      },
    };
  },

  'a registration that comes and goes': () => {
    const own = eventfd();
    const poller = new Poller();
    return {
      operations: 4000,
      watch({ fd }) {
        const registration = poller.register(fd);
        return () => registration.unregister();
      },
      run(count) {
        for (let done = 0; done < count; done += 1) poller.register(own.fd).unregister();
      },
    };
  },

  'an event whose consumer comes back late': () => {
    const own = eventfd();
    const poller = new Poller();
    poller.register(own.fd);
    const iterator = poller[Symbol.asyncIterator]();
    return {
      operations: 1000,
      watch({ fd }) {
        const registration = poller.register(fd);
        return () => registration.unregister();
      },
      async run(count) {
        for (let done = 0; done < count; done += 1) {
          own.write(1);
          await iterator.next();
          own.read();
          await turn();
        }
      },
    };
  },
};

async function timed({ run, operations }: Case): Promise<number> {
  const took: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    await run(operations);
    const { user, system } = process.cpuUsage(before);
    took.push(user + system);
  }
  return took.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
}

const [name = ''] = process.argv.slice(2);
const make = cases[name];
if (make === undefined) {
  process.stdout.write(JSON.stringify(Object.keys(cases)));
} else {
  const tried = make();
  const { watch, run, operations } = tried;
  // It is compiled when the first round that counts begins.
  await run(8 * operations);
  const before = await timed(tried);
  const count = Math.min(8000, mostDescriptors() - openDescriptors().length - 100);
  const idle = Array.from({ length: count }, () => eventfd());
  const ends = idle.map((one) => watch(one));
  await run(2 * operations);
  const many = await timed(tried);
  for (const end of ends) end();
  for (const one of idle) one.close();
  await run(2 * operations);
  const after = await timed(tried);
  process.stdout.write(JSON.stringify({ count, ratio: many / Math.max(before, after) }));
  process.exit();
}
