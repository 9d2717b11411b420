/** register() refuses values that are no descriptor and shows the value, mostly before any system call. */
import { closeSync, constants, openSync } from 'node:fs';

import test from 'ava';
import { connect, EdgepollError, listen, Poller } from 'edgepoll';

import { open, pipe } from './helpers.js';
import {
  drivers,
  endedWaits,
  exceptIn,
  makeFifo,
  root,
  straced,
  straceTest,
  WAITS,
} from '../support/process.js';

interface Report {
  own: number[];
  refused: [string, string][];
  refusedOwn: [string, string][];
  options: string[];
  modified: string[];
  constructed: string[];
  size: number;
}

const refusal = /^(?:TypeError ERR_INVALID_ARG_TYPE|RangeError ERR_OUT_OF_RANGE): /;

exceptIn(['node'], 'Node.js has libuv')(
  'libuv-elsewhere: the driver uv is refused, and does not end the process',
  async (t) => {
    const refused = {
      instanceOf: RangeError,
      code: 'ERR_OUT_OF_RANGE',
      message: /^driver must be 'thread' or left out .*, not 'uv'$/,
    };
    t.throws(() => new Poller({ driver: 'uv' }), refused);
    await t.throwsAsync(listen({ port: 0, driver: 'uv' }), refused);
    await t.throwsAsync(connect({ port: 1, driver: 'uv' }), refused);
  },
);

for (const driver of drivers) {
  straceTest(
    `bad-descriptors: TypeError or RangeError with the value, and no epoll_ctl, ${driver}`,
    async (t) => {
      const { ended, lines } = await straced(
        t,
        'epoll_ctl,fcntl',
        'poller-bad-input',
        driver,
        makeFifo(t),
      );
      t.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
      const report = JSON.parse(ended.stdout) as Report;
      for (const [shown, reported] of [...report.refused, ...report.refusedOwn]) {
        t.regex(reported, refusal);
        t.true(
          reported.endsWith(`, not ${shown === "'3'" ? "'3'" : shown}`),
          `${reported} shows ${shown}`,
        );
      }
      t.true(report.own.length >= 3, 'two pollers and a reactor');
      for (const reported of [...report.options, ...report.modified, ...report.constructed])
        t.regex(reported, refusal);
      t.is(report.size, 1, 'only the good one is watched');
      t.deepEqual(
        lines.filter((line) => line.includes('epoll_ctl(')),
        [],
      );
      t.true(
        lines.some((line) => line.includes('fcntl(1000000, F_GETFD)')),
        'strace saw the calls',
      );
    },
  );

  straceTest(
    `no-spin: ten waits a second at most, a busy consumer and a descriptor that is always ready, ${driver}`,
    async (t) => {
      const { ended, lines } = await straced(t, WAITS, 'poller-busy', driver, makeFifo(t));
      t.like(ended, { code: 0, stdout: '10\n', stderr: '' });
      const waits = endedWaits(lines);
      t.true(
        waits.length <= 10,
        `${waits.length} waits in a second:\n${waits.slice(0, 20).join('\n')}`,
      );
    },
  );

  test(`not-pollable: regular files, folders and /dev/null, ${driver}`, (t) => {
    const poller = new Poller({ driver });
    t.teardown(() => poller.close());
    for (const path of [`${root}/package.json`, root, '/dev/null']) {
      const fd = open(t, path, constants.O_RDONLY);
      const error = t.throws(() => poller.register(fd), { instanceOf: EdgepollError });
      t.like(error, { code: 'ERR_NOT_POLLABLE', syscall: 'epoll_ctl', errno: -1, fd });
    }
    t.is(poller.size, 0);
  });

  test(`registered-twice: EEXIST, and the first goes on, ${driver}`, async (t) => {
    const poller = new Poller<string | undefined>({ driver });
    t.teardown(() => poller.close());
    const watched = pipe(t);
    poller.register(watched.fd, { data: 'first' });
    const error = t.throws(() => poller.register(watched.fd, { data: 'second' }), {
      instanceOf: EdgepollError,
    });
    t.like(error, { code: 'EEXIST', syscall: 'epoll_ctl', fd: watched.fd });
    t.is(poller.size, 1);
    watched.write(1);
    t.is((await poller[Symbol.asyncIterator]().next()).value?.data, 'first');
  });

  test(`options-with-getters: one that throws or closes the poller leaves nothing registered, ${driver}`, async (t) => {
    const poller = new Poller<string | undefined>({ driver });
    t.teardown(() => poller.close());
    const watched = pipe(t);
    const throwing = {
      get data(): string {
        throw new Error('no data');
      },
    };
    t.throws(() => poller.register(watched.fd, throwing), { message: 'no data' });
    t.is(poller.size, 0);
    const registration = poller.register(watched.fd, { data: 'first', trigger: 'oneshot' });
    watched.write(1);
    t.is((await poller.poll())[0]?.data, 'first');
    t.throws(() => registration.modify(throwing), { message: 'no data' });
    t.deepEqual(await poller.poll({ timeout: 0 }), [], 'it was not armed again');
    registration.unregister();
    const closing = {
      get data(): string {
        poller.close();
        return 'late';
      },
    };
    t.throws(() => poller.register(watched.fd, closing), { code: 'ERR_CLOSED' });
    t.is(poller.size, 0);
  });

  test(`closed-descriptor: refused before any epoll_ctl, ${driver}`, (t) => {
    const poller = new Poller({ driver });
    t.teardown(() => poller.close());
    const fd = openSync(makeFifo(t), constants.O_RDWR | constants.O_NONBLOCK);
    closeSync(fd);
    const error = t.throws(() => poller.register(fd), { instanceOf: RangeError });
    t.is(error?.message, `fd must be an open descriptor, not ${fd}`);
  });
}

exceptIn(['deno'], "Deno's node:fs does not support O_PATH")(
  'path-alone: a descriptor of O_PATH is open, and the refusal does not say otherwise',
  (t) => {
    // <asm-generic/fcntl.h>: node:fs has no name for it.
    const fd = openSync('/', 0o10_000_000);
    for (const engine of ['epoll', 'poll', 'select'] as const) {
      const poller = new Poller({ engine });
      const error = t.throws(() => poller.register(fd), { code: 'EBADF' });
      t.regex(error?.message ?? '', /O_PATH/);
      t.is(poller.size, 0);
      poller.close();
    }
    closeSync(fd);
  },
);
