/** O_NONBLOCK belongs to the open file, so another process may clear it. No call here may wait then. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { exceptIn, folder, runFixture } from '../support/process.js';

const exceptDeno = exceptIn(['deno'], 'Deno passes only the first three descriptors to a child');

exceptDeno(
  'shared-flags: a child makes every kind of descriptor blocking, and no call waits',
  async (t) => {
    const place = folder(t);
    t.is(spawnSync('mkfifo', [join(place, 'fifo')]).status, 0);
    const { code, stdout, stderr } = await runFixture('fd-shared-flags', place);
    t.is(code, 0, stderr);
    t.deepEqual(JSON.parse(stdout), {
      blocking: true,
      'pipe.read': null,
      'pipe.write': true,
      'duplicate.read': null,
      'eventfd.read': null,
      'eventfd.write fits': true,
      'eventfd.write over': false,
      'eventfd.read most': true,
      'eventfd.write one': true,
      'eventfd.write too many': false,
      'eventfd.write many': true,
      'timerfd.read': null,
      'signalfd.read': null,
      'inotify.read': null,
      'stream.read': null,
      'stream.receive': null,
      'stream.receiveFrom': null,
      'stream.receiveMessage': null,
      'stream.write': true,
      'far.sendMessage': true,
      'dgram.receive': null,
      'dgram.send': true,
      'unix.accept': null,
      'inet.accept': null,
      'unix.connect': 'ERR_BLOCKING',
      'fifo.read': null,
      'fifo.write': true,
      'terminal blocking': true,
      'slave.read': null,
      'master.read': null,
      'slave.write': true,
      'master.write': true,
      'still blocking': true,
    });
  },
);

exceptDeno(
  'shared-flags: a program that is started with our pipe as its standard input',
  async (t) => {
    // libuv clears O_NONBLOCK of a descriptor that it passes as a child's standard input.
    const { code, stdout, stderr } = await runFixture('fd-shared-stdin');
    t.is(code, 0, stderr);
    t.deepEqual(JSON.parse(stdout), { waits: true, got: 'from the writer' });
  },
);
