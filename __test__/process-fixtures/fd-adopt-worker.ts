/** A worker opens a file by node:fs, adopts it and closes it; whoever gets its number next keeps it when the worker ends. */
import { once } from 'node:events';
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

import { OwnedFd } from 'edgepoll/fd';

/** A number of the main thread's that is `fd`, which was closed just now. */
function heirOf(fd: number): number | undefined {
  const others: number[] = [];
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const found = openSync('/dev/null', constants.O_RDONLY);
    if (found === fd) {
      for (const other of others) closeSync(other);
      return found;
    }
    others.push(found);
  }
  return undefined;
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  const exited = once(worker, 'exit');
  const [fd] = (await once(worker, 'message')) as [number];
  const heir = heirOf(fd);
  worker.postMessage('end', []);
  await exited;
  const report = { inherited: heir !== undefined, isOpen: heir !== undefined && isOpen(heir) };
  process.stdout.write(`${JSON.stringify(report)}\n`);
} else {
  const owned = OwnedFd.adopt(openSync('/dev/null', constants.O_RDONLY));
  const { fd } = owned;
  owned.close();
  parentPort?.postMessage(fd, []);
  parentPort?.once('message', () => parentPort?.close());
}
