/** Each worker has its own reactor, although all environments of the process share one addon. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import test from 'ava';
import type { Driver } from 'edgepoll';
import { connect } from 'edgepoll';

import { drivers } from '../support/process.js';

async function echoWorker(
  driver: Driver,
  connections: number,
): Promise<{ port: number; exit: Promise<number> }> {
  const worker = new Worker(new URL('../fixtures/echo-worker.js', import.meta.url), {
    workerData: { driver, connections },
  });
  const exit = once(worker, 'exit').then(([code]) => code as number);
  const [port] = (await once(worker, 'message')) as [number];
  return { port, exit };
}

function sha(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Sends `bytes`, ends the stream, and returns all received bytes. */
async function exchange(port: number, driver: Driver, bytes: Uint8Array): Promise<Buffer> {
  const connection = await connect({ host: '127.0.0.1', port, driver, maxBufferedAmount: 2 ** 22 });
  const sent = connection.end(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of connection) chunks.push(chunk);
  await sent;
  return Buffer.concat(chunks);
}

for (const driver of drivers) {
  test(`worker-echo: 1 MiB to a worker and back, and the worker then ends by itself, ${driver}`, async (t) => {
    const { port, exit } = await echoWorker(driver, 1);
    const bytes = randomBytes(2 ** 20);
    const back = await exchange(port, driver, bytes);
    t.is(back.length, bytes.length);
    t.is(sha(back), sha(bytes));
    t.is(await exit, 0);
  });

  test(`several-environments: four workers at once, none gets another's bytes, ${driver}`, async (t) => {
    const workers = await Promise.all([1, 2, 3, 4].map(() => echoWorker(driver, 8)));
    const results = await Promise.all(
      workers.flatMap(({ port }) =>
        Array.from({ length: 8 }, async () => {
          const bytes = randomBytes(100_000);
          return (await exchange(port, driver, bytes)).equals(bytes);
        }),
      ),
    );
    t.deepEqual(
      results,
      Array.from({ length: 32 }, () => true),
    );
    t.deepEqual(await Promise.all(workers.map(({ exit }) => exit)), [0, 0, 0, 0]);
  });
}

test('both-drivers: a uv server in one worker and a thread server in another', async (t) => {
  const [uv, thread] = await Promise.all([echoWorker('uv', 1), echoWorker('thread', 1)]);
  const [first, second] = [randomBytes(50_000), randomBytes(50_000)];
  t.deepEqual(await exchange(uv.port, 'thread', first), first);
  t.deepEqual(await exchange(thread.port, 'uv', second), second);
  t.deepEqual(await Promise.all([uv.exit, thread.exit]), [0, 0]);
});
