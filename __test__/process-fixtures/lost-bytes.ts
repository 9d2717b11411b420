/** Ends with more bytes queued than the kernel takes: `lost-bytes HOW PORT DRIVER`. Its worker gets `in` before these. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { connect } from 'edgepoll';
import type { Driver } from 'edgepoll';

const [how = '', port = '', driver] = isMainThread
  ? process.argv.slice(2)
  : (workerData as string[]);
const block = Buffer.alloc(15 * 1_048_576);

if (isMainThread && how.includes('worker')) {
  const worker = new Worker(new URL(import.meta.url), { workerData: [how, port, driver] });
  worker.once('message', () => void worker.terminate());
} else {
  const connection = await connect({
    host: '127.0.0.1',
    port: Number(port),
    driver: driver as Driver,
  });
  const write = (): void => {
    connection.write(block).catch(() => {});
    if (connection.bufferedAmount === 0) throw new Error('the kernel took everything');
  };
  if (how.endsWith('the bytes by a listener of it')) {
    process.once('exit', write);
  } else if (how.endsWith('the last bytes by a listener of it')) {
    // This listener runs after edgepoll's, which was added with the first connection.
    process.once('exit', () => void connection.end(block).catch(() => {}));
  } else {
    write();
  }
  if (how === 'an exception that nobody catches') throw new Error(how);
  if (how === 'nothing left to do') connection.unref();
  else if (how === 'a worker is terminated') parentPort?.postMessage('ready', []);
  else process.exit(0);
}
