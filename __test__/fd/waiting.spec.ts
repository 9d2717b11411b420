/** Several that wait for one descriptor: one poller, and each of them its own end. */
import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import test from 'ava';
import { eventfd, OwnedFd } from 'edgepoll/fd';

import { drivers } from '../support/process.js';

/** How many epoll descriptors of this process watch a number. */
function watchers(fd: number): number {
  const infos = readdirSync('/proc/self/fdinfo').map((name) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${name}`, 'utf8');
    } catch {
      // The listing's own.
      return '';
    }
  });
  return infos.filter((info) => new RegExp(`^tfd: +${fd} `, 'm').test(info)).length;
}

for (const driver of drivers) {
  // A poller's thread has a duplicate of its descriptor.
  const one = driver === 'uv' ? 1 : 2;

  test(`abandoned-iterators: twenty that waited and were dropped hold one poller, ${driver}`, async (t) => {
    const counter = eventfd();
    for (let count = 0; count < 20; count += 1) {
      const item = counter.values({ driver }).next();
      void turn().then(() => counter.write());
      t.is((await item).value, 1n);
    }
    t.is(watchers(counter.fd), one);
    // Still open, so that whoever watched it would be seen.
    const fd = counter.release();
    t.is(watchers(fd), 0);
    OwnedFd.adopt(fd).close();
  });

  test(`waiting together: whoever leaves or aborts ends its own wait alone, ${driver}`, async (t) => {
    const counter = eventfd({ semaphore: true });
    const controller = new AbortController();
    const [leaves, aborts, stays, late] = [
      counter.values({ driver }),
      counter.values({ driver, signal: controller.signal }),
      counter.values({ driver }),
      counter.values({ driver }),
    ];
    const pulls = [leaves.next(), aborts.next(), stays.next()] as const;
    await turn();
    t.is(watchers(counter.fd), one);
    controller.abort(new Error('enough'));
    await leaves.return?.();
    t.true((await pulls[0]).done);
    await t.throwsAsync(pulls[1], { message: 'enough' });
    const last = late.next();
    await turn();
    counter.write(2);
    t.deepEqual([(await pulls[2]).value, (await last).value], [1n, 1n]);
    // Nobody waits: what was made for it is given back with the last that leaves.
    await stays.return?.();
    t.is(watchers(counter.fd), one);
    await late.return?.();
    t.is(watchers(counter.fd), 0);
    counter.close();
  });

  test(`waiting together: close() ends every wait, ${driver}`, async (t) => {
    const counter = eventfd();
    const pulls = [counter.values({ driver }).next(), counter.values({ driver }).next()];
    await turn();
    counter.close();
    for (const pull of pulls) t.true((await pull).done);
  });
}
