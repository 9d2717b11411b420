/** `edgepoll/epoll`: the async context of callbacks, for AsyncLocalStorage and async hooks. */
import { AsyncLocalStorage, createHook, executionAsyncId } from 'node:async_hooks';

import test from 'ava';
import { Epoll } from 'edgepoll/epoll';

import { epoll, ready } from './helpers.js';
import { drivers, exceptIn } from '../support/process.js';

const { EPOLLIN } = Epoll;

for (const driver of drivers) {
  test(`async-context: callbacks run in that of the constructor, ${driver}`, async (t) => {
    const storage = new AsyncLocalStorage<string>();
    const fd = ready(t);
    const store = await new Promise<string | undefined>((resolve) => {
      const poller = storage.run('made', () =>
        epoll(t, driver, () => {
          poller.close();
          resolve(storage.getStore());
        }),
      );
      storage.run('added', () => poller.add(fd, EPOLLIN));
    });
    t.is(store, 'made');
  });

  test(`async-context: each object has its own, also for a descriptor that another object watched, ${driver}`, async (t) => {
    const storage = new AsyncLocalStorage<string>();
    const fds = [ready(t), ready(t)];
    const reported: string[] = [];
    let enough = (): void => {};
    const named = (name: string): Epoll =>
      storage.run(name, () =>
        epoll(t, driver, (_error, fd) => {
          reported.push(`${name} in ${storage.getStore()}: ${fds.indexOf(fd)}`);
          if (reported.length === 8) enough();
        }),
      );
    const [one, other] = [named('one'), named('other')];
    const collect = async (...[first, second]: [Epoll, Epoll]): Promise<Set<string>> => {
      reported.length = 0;
      const all = new Promise<void>((resolve) => (enough = resolve));
      first.add(fds[0] as number, EPOLLIN);
      second.add(fds[1] as number, EPOLLIN);
      await all;
      first.remove(fds[0] as number);
      second.remove(fds[1] as number);
      return new Set(reported);
    };
    t.deepEqual(await collect(one, other), new Set(['one in one: 0', 'other in other: 1']));
    t.deepEqual(await collect(other, one), new Set(['other in other: 0', 'one in one: 1']));
    one.close();
    const last = epoll(t, driver, () => {});
    t.deepEqual(await collect(other, last), new Set(['other in other: 0']));
  });

  test(`async-context: tasks that a callback starts keep the context, ${driver}`, async (t) => {
    const storage = new AsyncLocalStorage<string>();
    const fd = ready(t);
    const seen: (string | undefined)[] = [];
    await new Promise<void>((resolve) => {
      const poller = storage.run('made', () =>
        epoll(t, driver, () => {
          poller.close();
          queueMicrotask(() => seen.push(storage.getStore()));
          process.nextTick(() => seen.push(storage.getStore()));
          setImmediate(() => {
            seen.push(storage.getStore());
            resolve();
          });
        }),
      );
      poller.add(fd, EPOLLIN);
    });
    t.deepEqual(seen, ['made', 'made', 'made']);
  });

  exceptIn(['bun', 'deno'], 'Bun and Deno do not call async hooks')(
    `async-context: hooks report the object, each callback, and the end once, ${driver}`,
    async (t) => {
      const fd = ready(t);
      const reported: string[] = [];
      let own = NaN;
      let isMaking = true;
      const hook = createHook({
        init(id, type, trigger) {
          if (!isMaking || type !== 'Epoll:DispatchEvent') return;
          own = id;
          reported.push(trigger === executionAsyncId() ? 'init' : 'init by another');
        },
        before: (id) => void (id === own && reported.push('before')),
        after: (id) => void (id === own && reported.push('after')),
        destroy: (id) => void (id === own && reported.push('destroy')),
      }).enable();
      t.teardown(() => hook.disable());
      await new Promise<void>((resolve) => {
        let calls = 0;
        const poller = epoll(t, driver, () => {
          reported.push(executionAsyncId() === own ? 'inside' : 'outside');
          calls += 1;
          if (calls === 2) poller.close();
          if (calls === 2) setImmediate(() => setImmediate(resolve));
        });
        isMaking = false;
        poller.add(fd, EPOLLIN);
      });
      const call = ['before', 'inside', 'after'];
      t.deepEqual(reported, ['init', ...call, ...call, 'destroy']);
    },
  );
}
