/**
 * Makes a pipe ready, each time at another moment after it was asked to. A worker: `turns` counts what was asked for,
 * up to `rounds`. It must never wait by polling: the phase that it picks is the point.
 */
import { constants, openSync, writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

import { numbers } from '../support/bytes.js';

const { path, turns, rounds, seed } = workerData as {
  path: string;
  turns: Int32Array<SharedArrayBuffer>;
  rounds: number;
  seed: number;
};
const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
const random = numbers(seed);
const mostMicroseconds = 60;

for (let round = 0; round < rounds; round += 1) {
  // A wake-up may be that of the question before, which was seen without it.
  while (Atomics.load(turns, 0) <= round) Atomics.wait(turns, 0, round);
  const until = performance.now() + (random() * mostMicroseconds) / 1000;
  while (performance.now() < until);
  writeSync(fd, 'x');
}
