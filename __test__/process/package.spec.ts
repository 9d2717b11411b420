/** The package and its process: what keeps the process alive, exceptions in user code, exit, and two copies side by side. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { netServer, receiveAll } from '../support/net.js';
import type { Received } from '../support/net.js';
import { drivers, fixture, folder, makeFifo, root, run, runFixture } from '../support/process.js';

const aliveCases = JSON.parse((await runFixture('alive', '--list')).stdout) as string[];

for (const driver of drivers) {
  for (const name of aliveCases) {
    test(`loop-kept-alive ${name}, ${driver}`, async (t) => {
      const { code, stdout, stderr } = await runFixture('alive', name, driver, makeFifo(t));
      const expected = name.startsWith('held') ? 'begins\nlives\nends\n' : 'begins\nends\n';
      t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
    });
  }

  for (const place of ['loop', 'microtask', 'tick']) {
    test(`user-code-throws in a ${place}: as with node:net, ${driver}`, async (t) => {
      const [ours, twin] = await Promise.all([
        runFixture('throwing', driver, place, 'no'),
        runFixture('throwing', 'net', place, 'no'),
      ]);
      t.is(ours.code, twin.code);
      t.is(ours.signal, twin.signal);
      t.not(ours.code, 0);
      const uncaught = /^TypeError: thrown by the user$/m;
      t.regex(twin.stderr, uncaught);
      t.regex(ours.stderr, uncaught);
    });

    test(`user-code-throws in a ${place}: a handler keeps the server, ${driver}`, async (t) => {
      const [ours, twin] = await Promise.all([
        runFixture('throwing', driver, place, 'yes'),
        runFixture('throwing', 'net', place, 'yes'),
      ]);
      t.regex(twin.stdout, /TypeError: thrown by the user\nstill here\n$/);
      t.deepEqual(ours, twin);
    });
  }

  for (const how of [
    'at once',
    'awaited',
    'thrown',
    'by a listener of the exit',
    'at once, the rest by a listener of the exit',
  ]) {
    test(`exit after write(), ${how}: all written bytes are sent, ${driver}`, async (t) => {
      const received: Promise<Received>[] = [];
      const { port } = await netServer(t, '127.0.0.1', (socket) => {
        received.push(receiveAll(socket));
      });
      const { code } = await runFixture('leave', how, String(port), driver);
      t.is(code, how === 'thrown' ? 1 : 0);
      t.is((await received[0])?.bytes.toString(), 'bye');
    });
  }

  test(`loaded-twice: two copies in one process do not interfere, ${driver}`, async (t) => {
    const paths = ['first', 'second'].map((name) => {
      const copy = join(folder(t), name);
      for (const part of ['dist', 'native', 'package.json']) {
        cpSync(join(root, part), join(copy, part), { recursive: true });
      }
      return join(copy, 'dist/index.js');
    });
    const { code, stdout, stderr } = await run(process.execPath, [
      fixture('two-copies'),
      ...paths,
      driver,
    ]);
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    t.deepEqual(JSON.parse(stdout), { distinct: true, back: ['one', 'two', 'three'] });
  });
}
