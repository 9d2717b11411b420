/**
 * `edgepoll/epoll` as GPIO packages use it: EPOLLPRI is the interrupt, and reading the value clears it. A socket with urgent
 * data stands for the pin, because test machines have no pins.
 */
import { spawnSync } from 'node:child_process';

import type { TestFn } from 'ava';
import test from 'ava';
import { Epoll } from 'edgepoll/epoll';

import { epoll, fence, pin, Recorder, valueOf } from './helpers.js';
import { drivers, exceptIn } from '../support/process.js';

const { EPOLLET, EPOLLONESHOT, EPOLLPRI } = Epoll;

const hasPerl = spawnSync('perl', ['-e', 'use Socket']).status === 0;
/** Reported as skipped on a machine without perl, but never in CI. */
const pinTest: TestFn =
  hasPerl || process.env['CI'] !== undefined
    ? exceptIn(['deno'], 'its node:fs reads only what it has opened itself')
    : (test.skip as TestFn);

for (const driver of drivers) {
  pinTest(`gpio: an interrupt per change, cleared by reading the value, ${driver}`, async (t) => {
    const { fd, set } = await pin(t);
    const values: string[] = [];
    const recorder = new Recorder(t, driver, () => values.push(valueOf(fd, '')));
    recorder.epoll.add(fd, EPOLLPRI);
    await fence(t, driver);
    t.deepEqual(recorder.events, [], 'nothing before the first change');
    for (const next of ['1', '0', '1']) {
      const before = recorder.events.length;
      await set(next);
      await recorder.count(before + 1);
      // If the read finds only the urgent byte, it clears the event, and the value comes later without an event.
      if (values.at(-1) !== next) values.push(valueOf(fd, ''));
      t.is(values.at(-1), next);
      const settled = recorder.events.length;
      await fence(t, driver);
      t.is(recorder.events.length, settled, 'cleared');
    }
    for (const events of recorder.events) t.is(events, EPOLLPRI);
  });

  pinTest(`gpio: with oneshot, armed again in the callback, ${driver}`, async (t) => {
    const { fd, set } = await pin(t);
    const seen: string[] = [];
    const recorder = new Recorder(t, driver, () => {
      seen.push(valueOf(fd, ''));
      recorder.epoll.modify(fd, EPOLLPRI | EPOLLONESHOT);
    });
    recorder.epoll.add(fd, EPOLLPRI | EPOLLONESHOT);
    for (const next of ['1', '0', '1', '0']) {
      const before = recorder.events.length;
      await set(next);
      await recorder.count(before + 1);
      if (seen.at(-1) !== next) seen.push(valueOf(fd, ''));
    }
    t.deepEqual(
      seen.filter((value) => value !== ''),
      ['1', '0', '1', '0'],
    );
  });

  pinTest(`gpio: listeners are added and removed, the poller stays open, ${driver}`, async (t) => {
    const { fd, set } = await pin(t);
    const recorder = new Recorder(t, driver, () => void valueOf(fd, ''));
    // The first listener adds the descriptor, removing the last one removes it, the next one adds it again.
    recorder.epoll.add(fd, EPOLLPRI | EPOLLET);
    await set('1');
    await recorder.count(1);
    recorder.epoll.remove(fd);
    const before = recorder.events.length;
    await set('0');
    await fence(t, driver);
    t.is(recorder.events.length, before);
    valueOf(fd, '');
    recorder.epoll.add(fd, EPOLLPRI | EPOLLET);
    await set('1');
    await recorder.count(before + 1);
    recorder.epoll.remove(fd);
    t.false(recorder.epoll.closed);
  });

  pinTest(`gpio: a poller per pin, ended by remove().close(), ${driver}`, async (t) => {
    const pins = [await pin(t), await pin(t), await pin(t)];
    const seen: number[] = [];
    const ends = pins.map(({ fd }, at) => {
      const poller = epoll(t, driver, (err, which) => {
        if (err) throw err;
        valueOf(which, '');
        seen.push(at);
        next?.();
      });
      poller.add(fd, EPOLLPRI | EPOLLET);
      return () => poller.remove(fd).close();
    });
    let next: (() => void) | undefined;
    for (const [at, { set }] of pins.entries()) {
      await set('1');
      while (!seen.includes(at)) await new Promise<void>((resolve) => (next = resolve));
    }
    for (const end of ends) t.is(end(), null);
  });
}
