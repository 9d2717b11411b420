/** Several pollers in several threads of one process: none gets events of another one's descriptors. */
import { once } from 'node:events';
import { constants, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

import test from 'ava';

import { open } from '../readiness/helpers.js';
import { drivers, makeFifo } from '../support/process.js';

const WORKERS = 4;
const POLLERS = 8;
const BYTES = 200;

for (const driver of drivers) {
  test(`several-pollers: eight in each of four workers get only their own bytes, ${driver}`, async (t) => {
    const expected: string[][] = [];
    const workers: Promise<unknown[]>[] = [];
    const writers: { fd: number; letter: string }[] = [];
    for (let number = 0; number < WORKERS; number += 1) {
      const paths = Array.from({ length: POLLERS }, () => makeFifo(t));
      const letters = paths.map((_, index) =>
        String.fromCodePoint(0x41 + number * POLLERS + index),
      );
      for (const [index, path] of paths.entries()) {
        const fd = open(t, path, constants.O_RDWR | constants.O_NONBLOCK);
        writers.push({ fd, letter: letters[index] ?? '' });
      }
      expected.push(letters.map((letter) => letter.repeat(BYTES)));
      const worker = new Worker(new URL('../fixtures/pollers-worker.js', import.meta.url), {
        workerData: { driver, paths, bytes: BYTES },
      });
      const exit = once(worker, 'exit');
      workers.push(once(worker, 'message').then(async ([got]) => [got, await exit]));
    }
    for (let count = 0; count < BYTES; count += 1) {
      for (const { fd, letter } of writers) writeSync(fd, letter);
      // The turns let the workers find some bytes early and some late.
      if (count % 20 === 0) await new Promise((turn) => setImmediate(turn));
    }
    const ended = (await Promise.all(workers)) as [string[], [number]][];
    t.deepEqual(
      ended.map(([got]) => got),
      expected,
    );
    t.deepEqual(
      ended.map(([, [code]]) => code),
      [0, 0, 0, 0],
    );
  });
}
