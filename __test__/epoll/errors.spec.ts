/**
 * `edgepoll/epoll`: refused calls, with the exact messages of npm epoll, which programs compare; and descriptors that were
 * closed without a remove().
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import test from 'ava';
import { EdgepollError } from 'edgepoll';
import { Epoll } from 'edgepoll/epoll';

import { epoll, fence, ready, Recorder } from './helpers.js';
import { open, openAs, pipe } from '../readiness/helpers.js';
import { drivers, makeFifo } from '../support/process.js';

const { EPOLLET, EPOLLIN, EPOLLONESHOT, EPOLLOUT, EPOLLPRI } = Epoll;
const { O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
const EPOLLEXCLUSIVE = 2 ** 28;

const NO_FD = 2 ** 31 - 1;
const methods = ['add', 'modify', 'remove'] as const;
const signatures = {
  add: 'add(int fd, int events)',
  modify: 'modify(int fd, int events)',
  remove: 'remove(int fd)',
};

test('constructor: without a callback', (t) => {
  for (const value of [undefined, null, 1, {}, 'x']) {
    const callback = value as () => void;
    const error = t.throws(() => new Epoll(callback), { instanceOf: Error });
    t.is(String(error), 'Error: First argument to construtor must be a callback');
    t.is((error as NodeJS.ErrnoException).code, 'ERR_INVALID_ARG_TYPE');
  }
});

for (const driver of drivers) {
  test(`arguments: an fd that is no 32-bit integer, ${driver}`, (t) => {
    const poller = epoll(t, driver, () => {});
    const wrong = [undefined, null, '0', 1.5, Number.NaN, -0, 2 ** 31, {}, true, 1n];
    for (const method of methods) {
      for (const value of wrong) {
        const error = t.throws(() => poller[method](value as number, EPOLLIN));
        t.is(String(error), `Error: incorrect arguments passed to ${signatures[method]}`);
      }
    }
  });

  test(`arguments: events that are no number, and any number, ${driver}`, (t) => {
    const { fd } = pipe(t);
    const poller = epoll(t, driver, () => {});
    for (const method of ['add', 'modify'] as const) {
      for (const value of [undefined, null, '1', {}, true, 1n]) {
        const error = t.throws(() => poller[method](fd, value as number));
        t.is(String(error), `Error: incorrect arguments passed to ${signatures[method]}`);
      }
    }
    for (const events of [0, 1.5, Number.NaN, Infinity, 2 ** 32 + 1, 2 ** 31, -(2 ** 31)]) {
      t.notThrows(() => poller.add(fd, events).remove(fd), String(events));
    }
  });

  test(`after-close: the error for a closed object comes before argument checks, ${driver}`, (t) => {
    const poller = epoll(t, driver, () => {});
    poller.close();
    for (const method of methods) {
      const error = t.throws(() => poller[method]('x' as unknown as number, 1));
      t.is(String(error), `Error: ${method} can't be called after calling close`);
    }
    t.is(String(t.throws(() => poller.close())), "Error: close can't be called more than once");
  });

  test(`kernel's refusals: the message is strerror's text, and code is set, ${driver}`, (t) => {
    const poller = epoll(t, driver, () => {});
    const other = epoll(t, driver, () => {});
    const file = open(t, fileURLToPath(import.meta.url), O_RDONLY);
    const { fd } = pipe(t);
    const watched = pipe(t).fd;
    poller.add(watched, 0);
    const exclusive = pipe(t).fd;
    poller.add(exclusive, EPOLLIN + EPOLLEXCLUSIVE);
    const cases: [() => unknown, string, string, number][] = [
      [() => poller.add(watched, EPOLLIN), 'EEXIST', 'File exists', watched],
      [() => other.add(watched, EPOLLIN), 'EEXIST', 'File exists', watched],
      [() => poller.modify(exclusive, EPOLLIN), 'EINVAL', 'Invalid argument', exclusive],
      [() => poller.add(fd, EPOLLPRI + EPOLLEXCLUSIVE), 'EINVAL', 'Invalid argument', fd],
      [() => poller.add(fd, -1), 'EINVAL', 'Invalid argument', fd],
      [() => poller.modify(fd, EPOLLIN), 'ENOENT', 'No such file or directory', fd],
      [() => poller.remove(fd), 'ENOENT', 'No such file or directory', fd],
    ];
    for (const method of methods) {
      for (const bad of [-1, NO_FD]) {
        cases.push([() => poller[method](bad, 1), 'EBADF', 'Bad file descriptor', bad]);
      }
      cases.push([() => poller[method](file, 1), 'EPERM', 'Operation not permitted', file]);
    }
    for (const [call, code, text, about] of cases) {
      const error = t.throws(call, { instanceOf: EdgepollError });
      t.is(String(error), `Error: ${text}`);
      t.like(error, { code, syscall: 'epoll_ctl', fd: about });
    }
    t.notThrows(() => poller.add(fd, EPOLLIN).close(), 'usable after the errors');
  });

  test(`remove: a pending event is dropped, ${driver}`, async (t) => {
    const fd = ready(t);
    const recorder = new Recorder(t, driver);
    recorder.epoll.add(fd, EPOLLIN).remove(fd);
    await fence(t, driver);
    t.deepEqual(recorder.events, []);
  });

  // Without an await in between, so that no other test of this process takes the number.
  test(`owner-closes-first: remove() throws, and so does close(), after it has removed the others, ${driver}`, (t) => {
    const text = 'Bad file descriptor';
    const poller = epoll(t, driver, () => {});
    const first = openSync(makeFifo(t), O_RDWR | O_NONBLOCK);
    poller.add(first, EPOLLIN);
    const second = openSync(makeFifo(t), O_RDWR | O_NONBLOCK);
    poller.add(second, EPOLLIN);
    const third = pipe(t).fd;
    poller.add(third, EPOLLIN);
    closeSync(first);
    t.throws(() => poller.modify(first, EPOLLOUT), { message: text });
    t.throws(() => poller.remove(first), { message: text });
    t.throws(() => poller.remove(first), { message: text });
    closeSync(second);
    t.throws(() => poller.close(), { message: text });
    t.true(poller.closed);
    t.notThrows(
      () => epoll(t, driver, () => {}).add(third, EPOLLIN),
      'no object watches it any more',
    );
  });

  test(`owner-closes-first: no event, and the others go on, ${driver}`, async (t) => {
    const fd = openSync(makeFifo(t), O_RDWR | O_NONBLOCK);
    writeSync(fd, 'x');
    const recorder = new Recorder(t, driver);
    recorder.epoll.add(fd, EPOLLIN | EPOLLONESHOT);
    await recorder.count(1);
    recorder.epoll.modify(fd, EPOLLIN);
    closeSync(fd);
    await fence(t, driver);
    const other = ready(t);
    recorder.epoll.add(other, EPOLLIN | EPOLLET);
    await recorder.count(2);
    await fence(t, driver);
    t.is(recorder.events.length, 2);
    recorder.epoll.remove(other);
    // Whether close() throws depends on whether the number is in use again.
    try {
      recorder.epoll.close();
    } catch (error) {
      t.true(error instanceof EdgepollError);
    }
    t.true(recorder.epoll.closed);
  });

  test(`recycled-number: it belongs to the object that added it last, ${driver}`, async (t) => {
    const [first, second] = [makeFifo(t), makeFifo(t)];
    const old = new Recorder(t, driver);
    const fresh = new Recorder(t, driver);
    const fd = openSync(first, O_RDWR | O_NONBLOCK);
    old.epoll.add(fd, EPOLLIN);
    closeSync(fd);
    openAs(t, second, O_RDWR | O_NONBLOCK, fd);
    t.throws(() => old.epoll.modify(fd, EPOLLIN), { message: 'No such file or directory' });
    fresh.epoll.add(fd, EPOLLIN | EPOLLET);
    writeSync(fd, 'x');
    await fresh.count(1);
    t.is(old.epoll.close(), null, 'it watches nothing any more');
    await fence(t, driver);
    t.deepEqual([old.events, fresh.events], [[], [EPOLLIN]]);
    writeSync(fd, 'y');
    await fresh.count(2);
    fresh.epoll.remove(fd);
  });

  test(`recycled-number: the same object adds it again, ${driver}`, async (t) => {
    const [first, second] = [makeFifo(t), makeFifo(t)];
    const recorder = new Recorder(t, driver, (fd) => recorder.epoll.remove(fd));
    const fd = openSync(first, O_RDWR | O_NONBLOCK);
    recorder.epoll.add(fd, EPOLLIN);
    closeSync(fd);
    openAs(t, second, O_RDWR | O_NONBLOCK, fd);
    recorder.epoll.add(fd, EPOLLIN);
    writeSync(fd, 'x');
    await recorder.count(1);
    await fence(t, driver);
    t.deepEqual(recorder.events, [EPOLLIN]);
  });
}
