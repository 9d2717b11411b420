/** A worker in one phase. It tells its parent when it is there; only its parent ends it. */
import { parentPort, workerData } from 'node:worker_threads';

import type { Driver } from 'edgepoll';

import { phases } from './phases.js';

const { phase, driver, fifo } = workerData as { phase: string; driver: Driver; fifo: string };
// Listening keeps a worker alive whose phase does not.
parentPort?.on('message', () => {});
await phases[phase]?.(driver, fifo, () => parentPort?.postMessage('ready', []));
