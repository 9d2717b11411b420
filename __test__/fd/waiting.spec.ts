/** Several waits for one descriptor: they share one poller, and each ends on its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import test from 'ava';
import { eventfd, OwnedFd } from 'edgepoll/fd';

import { drivers } from '../support/process.js';

/** The number of this process's epoll descriptors that watch `fd`. */
function watchers(fd: number): number {
  const infos = readdirSync('/proc/self/fdinfo').map((name) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${name}`, 'utf8');
    } catch {
      // The listing's own descriptor.
      return '';
    }
  });
  return infos.filter((info) => new RegExp(`^tfd: +${fd} `, 'm').test(info)).length;
}

for (const driver of drivers) {
  // The poller's thread keeps a duplicate of the epoll descriptor, which counts as well.
  const one = driver === 'uv' ? 1 : 2;

  test(`abandoned-iterators: twenty dropped iterators hold one poller, ${driver}`, async (t) => {
    const counter = eventfd();
    for (let count = 0; count < 20; count += 1) {
      const item = counter.values({ driver }).next();
      void turn().then(() => counter.write());
      t.is((await item).value, 1n);
    }
    t.is(watchers(counter.fd), one);
    // The descriptor stays open, so that a remaining registration would be visible.
    const fd = counter.release();
    t.is(watchers(fd), 0);
    OwnedFd.adopt(fd).close();
  });

  test(`waiting together: return() and abort end only their own wait, ${driver}`, async (t) => {
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
    // No wait is pending. The registration ends with the last iterator.
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
