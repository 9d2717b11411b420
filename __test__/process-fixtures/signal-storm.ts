/**
 * Waits and events while signals interrupt whatever sleeps: `signal-storm DRIVER FIFO`. Goes on until it is told
 * something, or nothing more, for ten rounds at least. Says how long the shortest of the waits of 50 ms took, how many of
 * them a signal interrupted, and how many events came.
 */
import { once } from 'node:events';
import { constants, openSync, readSync, writeSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const [driver, fifo = ''] = process.argv.slice(2);
const WAIT = 50;
const heard = { signals: 0, lastAt: -Infinity };
process.on('SIGWINCH', () => {
  heard.signals += 1;
  heard.lastAt = performance.now();
});
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
const poller = new Poller<string | undefined>({ driver: driver as Driver });
poller.register(fd, { data: 'watched' });
const state = { isEnough: false };
// A turn later: then the signals that were sent before are told as well.
const enough = (): unknown => setImmediate(() => (state.isEnough = true));
process.stdin.on('data', enough).on('end', enough);
const inputEnded = once(process.stdin, 'end');

process.stdout.write('ready\n');
const waits: number[] = [];
let interrupted = 0;
let empty = 0;
let events = 0;
let rounds = 0;
// Where signals come, one of them must come while it waits: a machine that is busy elsewhere tells of them in heaps.
for (; rounds < 10 || !state.isEnough || (heard.signals > 0 && interrupted === 0); rounds += 1) {
  const began = performance.now();
  if ((await poller.poll({ timeout: WAIT })).length === 0) empty += 1;
  const ended = performance.now();
  waits.push(ended - began);
  if (ended - heard.lastAt < WAIT) interrupted += 1;
  for (let count = 0; count < 20; count += 1) {
    const pull = poller.poll();
    setTimeout(() => writeSync(fd, 'x'), 1);
    events += (await pull).length;
    readSync(fd, Buffer.alloc(1));
  }
}
poller.close();
const report = {
  rounds,
  empty,
  events,
  shortest: Math.min(...waits),
  interrupted,
  signals: heard.signals,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
// A signal may still be under way: it ends when told.
await inputEnded;
process.exit(0);
