/** A worker that ends, or is ended, with descriptors open: how many the process has of them then. */
import { readdirSync, readlinkSync } from 'node:fs';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

import { eventfd } from 'edgepoll/fd';

function count(): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The descriptor of the listing itself.
      return '';
    }
  });
  return links.filter((link) => link === 'anon_inode:[eventfd]').length;
}

if (isMainThread) {
  // Two threads have run once before it counts: the runtime opens eventfds of its own.
  const opened = async (): Promise<{ worker: Worker; exited: Promise<unknown> }> => {
    const worker = new Worker(new URL(import.meta.url));
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    await new Promise((resolve) => worker.once('message', resolve));
    return { worker, exited };
  };
  const warm = await opened();
  await warm.worker.terminate();
  await warm.exited;
  const before = count();
  const { worker, exited } = await opened();
  // A worker's event loop has eventfds as well.
  const during = count() - before;
  await worker.terminate();
  await exited;
  const report = { during: Math.min(during, 20), after: count() - before };
  process.stdout.write(`${JSON.stringify(report)}\n`);
} else {
  const kept = Array.from({ length: 20 }, () => eventfd());
  parentPort?.postMessage(kept.length, []);
  parentPort?.on('message', () => kept.length);
}
