/** A worker opens a file by node:fs, adopts it and closes it; whoever gets its number next keeps it when the worker ends. */
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

import { OwnedFd } from 'edgepoll/fd';

import { isOpen, openUnder } from '../support/descriptors.js';

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  const exited = once(worker, 'exit');
  const [fd] = (await once(worker, 'message')) as [number];
  openUnder('/dev/null', constants.O_RDONLY, fd);
  worker.postMessage('end', []);
  await exited;
  process.stdout.write(`${JSON.stringify({ isOpen: isOpen(fd) })}\n`);
} else {
  const owned = OwnedFd.adopt(openSync('/dev/null', constants.O_RDONLY));
  const { fd } = owned;
  owned.close();
  parentPort?.postMessage(fd, []);
  parentPort?.once('message', () => parentPort?.close());
}
