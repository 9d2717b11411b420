/** Several pollers in a worker, one per path, each of which must be told of its own bytes alone. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const { driver, paths, bytes } = workerData as { driver: Driver; paths: string[]; bytes: number };

async function receive(path: string): Promise<string> {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const poller = new Poller<string | undefined>({ driver });
  poller.register(fd, { data: path });
  const buffer = Buffer.alloc(bytes);
  let got = 0;
  for await (const event of poller) {
    if (event.fd !== fd || event.data !== path) throw new Error(`told of ${event.data}`);
    got += readSync(fd, buffer, got, Math.min(7, bytes - got), null);
    if (got >= bytes) break;
  }
  closeSync(fd);
  return buffer.toString();
}

parentPort?.postMessage(await Promise.all(paths.map((path) => receive(path))), []);
