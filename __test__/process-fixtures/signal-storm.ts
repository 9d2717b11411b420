/**
 * Waits and events while signals interrupt whatever sleeps: `signal-storm DRIVER FIFO`. Goes on until it is told
 * something, or nothing more, for ten rounds at least. Says how long the waits of 50 ms took and how many events came.
 */
import { once } from 'node:events';
import { constants, openSync, readSync, writeSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const [driver, fifo = ''] = process.argv.slice(2);
let signals = 0;
process.on('SIGWINCH', () => (signals += 1));
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
const poller = new Poller<string>({ driver: driver as Driver });
poller.register(fd, { data: 'watched' });
const state = { isEnough: false };
// A turn later: then the signals that were sent before are told as well.
const enough = (): unknown => setImmediate(() => (state.isEnough = true));
process.stdin.on('data', enough).on('end', enough);
const ended = once(process.stdin, 'end');

process.stdout.write('ready\n');
const waits: number[] = [];
let empty = 0;
let events = 0;
let rounds = 0;
for (; rounds < 10 || !state.isEnough; rounds += 1) {
  const began = performance.now();
  if ((await poller.poll({ timeout: 50 })).length === 0) empty += 1;
  waits.push(performance.now() - began);
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
  longest: Math.max(...waits),
  signals,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
// A signal may still be under way: it ends when told.
await ended;
process.exit(0);
