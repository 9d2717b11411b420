/**
 * 2 KiB written, 1 KiB read: when does the next event come? Tests every trigger with every order of read, rearm and wait,
 * on every engine that supports the trigger. An expected event is awaited; its absence is checked by a poll with timeout 0.
 */
import test from 'ava';
import type { Driver, PollerOptions, RegisterOptions } from 'edgepoll';

import { now, pipePair, pollerOf, readText, soon, writeText } from '../kernel/helpers.js';
import { drivers } from '../support/process.js';

type Step = 'read' | 'rearm' | 'wait';
type Trigger = NonNullable<RegisterOptions<string | undefined>['trigger']>;
type Engine = NonNullable<PollerOptions['engine']>;

const orders: Step[][] = [
  ['read', 'rearm', 'wait'],
  ['read', 'wait', 'rearm'],
  ['rearm', 'read', 'wait'],
  ['rearm', 'wait', 'read'],
  ['wait', 'read', 'rearm'],
  ['wait', 'rearm', 'read'],
  // The usual form of the scenario, and waits alone.
  ['read', 'wait'],
  ['wait', 'read'],
  ['wait', 'wait', 'rearm', 'wait', 'wait'],
];

const half = 1024;

const engines: Record<Engine, readonly Trigger[]> = {
  epoll: ['level', 'edge', 'oneshot', 'edge-oneshot'],
  poll: ['level', 'oneshot'],
  select: ['level', 'oneshot'],
};

const cases: [Driver, Engine, Trigger][] = [];
for (const driver of drivers)
  for (const engine of Object.keys(engines) as Engine[])
    for (const trigger of engines[engine]) cases.push([driver, engine, trigger]);

for (const [driver, engine, trigger] of cases) {
  for (const order of orders) {
    test(`pipe-scenario: ${trigger}, ${order.join(', ')}, ${engine}, ${driver}`, async (t) => {
      const { reader, writer } = pipePair(t);
      const poller = pollerOf(t, driver, { engine });
      const registration = poller.register(reader, { trigger });
      // Whether an event is due: always with level, once for each edge or rearm with the others.
      let isDue = false;
      const check = async (why: string): Promise<void> => {
        const expected = trigger === 'level' || isDue;
        t.deepEqual(await (expected ? soon(poller) : now(poller)), expected ? ['IN'] : [], why);
        isDue = false;
      };

      const first = soon(poller);
      t.is(writeText(writer, Buffer.alloc(2 * half)), 2 * half);
      t.deepEqual(await first, ['IN'], 'the first');

      let unread = 2 * half;
      for (const [at, step] of order.entries()) {
        if (step === 'read') {
          t.is(readText(reader, half).length, half);
          unread -= half;
        } else if (step === 'rearm') {
          registration.rearm();
          isDue = true;
        } else await check(`step ${at + 1}`);
      }
      await check('after the steps');

      t.is(writeText(writer, Buffer.alloc(half)), half);
      // A disabled oneshot ignores new data.
      isDue = trigger === 'edge';
      await check('more is written');
      registration.rearm();
      isDue = true;
      await check('rearmed');
      t.is(readText(reader, unread + half).length, unread + half);
      registration.rearm();
      t.deepEqual(await now(poller), [], 'nothing is left');
      const last = soon(poller);
      writeText(writer, 'x');
      t.deepEqual(await last, ['IN'], 'and one more comes');
    });
  }
}
