/** Watches a file whose events the kernel reports to the first poll only. Posts a message when it watches, and for each event. */
import { openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const { driver, path } = workerData as { driver: Driver; path: string };
const poller = new Poller({ driver });
poller.register(openSync(path, 'r'), { readable: false, priority: true });
const iterator = poller[Symbol.asyncIterator]();
let next = iterator.next();
parentPort?.postMessage('watches', []);
for (;;) {
  const { done } = await next;
  if (done === true) break;
  next = iterator.next();
  parentPort?.postMessage('told', []);
}
