// One plug-in file in several environments at once: the main thread and workers, of which any may end at any moment.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Driver } from 'edgepoll';

import { dial, receiveAll, receiveExactly, send } from '../support/net.js';
import { drivers } from '../support/process.js';
import { speakingPair } from './helpers.js';
import { probe } from './probe.js';

interface Speaking {
  worker: Worker;
  port: number;
  exit: Promise<number>;
}

/** A worker with a server of the probe's protocol. */
async function speakingWorker(t: ExecutionContext, driver: Driver): Promise<Speaking> {
  const worker = new Worker(new URL('../fixtures/protocol-worker.js', import.meta.url), {
    workerData: { driver },
  });
  t.teardown(() => worker.terminate());
  const exit = once(worker, 'exit').then(([code]) => code as number);
  const [port] = (await once(worker, 'message')) as [number];
  return { worker, port, exit };
}

/** Sends `count` messages in pieces that cut them, and checks the answers. `name` is in each message. */
async function converse(
  t: ExecutionContext,
  socket: Awaited<ReturnType<typeof dial>>,
  name: string,
  count: number,
): Promise<void> {
  const texts = Array.from({ length: count }, (_, index) => `${name} ${index}`);
  const wire = Buffer.from(texts.map((text) => `echo ${text}\n`).join(''));
  const expected = texts.map((text) => `${text}\n`).join('');
  const received = receiveExactly(socket, expected.length);
  for (let at = 0; at < wire.length; at += 1001) await send(socket, wire.subarray(at, at + 1001));
  t.is((await received).toString(), expected);
}

for (const driver of drivers) {
  test(`two workers and the main thread have sessions of one plug-in at once; driver ${driver}`, async (t) => {
    const workers = await Promise.all([speakingWorker(t, driver), speakingWorker(t, driver)]);
    const { connection, peer } = await speakingPair(t, probe(), { driver });
    const answering = (async () => {
      for await (const { texts } of connection) await connection.write(texts[0] ?? '');
    })();
    const sockets = [peer, ...(await Promise.all(workers.map(({ port }) => dial(port))))];
    const names = ['main', 'first', 'second'];
    await Promise.all(
      sockets.map((socket, index) => converse(t, socket, names[index] ?? '', 2000)),
    );
    for (const socket of sockets) {
      const received = receiveAll(socket);
      socket.end();
      t.is((await received).bytes.toString(), 'bye\n');
    }
    await answering;
    t.deepEqual(await Promise.all(workers.map(({ exit }) => exit)), [0, 0]);
  });

  const middles: [what: string, lines: string][] = [
    ['a message has come in part', 'pause\necho in pa'],
    ['a timer runs', 'tick 60000\npause\n'],
    ['a timer expires again and again', 'spin\npause\n'],
  ];
  for (const [what, lines] of middles) {
    test(`a worker that ends while ${what} harms no session elsewhere; driver ${driver}`, async (t) => {
      const ending = await speakingWorker(t, driver);
      const going = await speakingWorker(t, driver);
      const [socket, other] = await Promise.all([dial(ending.port), dial(going.port)]);
      const { connection, peer } = await speakingPair(t, probe(), { driver });
      const told = once(ending.worker, 'message');
      await send(socket, lines);
      t.deepEqual(await told, ['paused']);
      await send(peer, 'echo before\n');
      t.deepEqual((await connection.read())?.texts, ['before']);
      const received = receiveAll(socket);
      await ending.worker.terminate();
      const { bytes, fin, error } = await received;
      t.is(bytes.length, 0);
      t.true(fin || error?.code === 'ECONNRESET');
      await converse(t, other, 'going on', 100);
      await send(peer, 'echo after\n');
      t.deepEqual((await connection.read())?.texts, ['after']);
      const fresh = await speakingWorker(t, driver);
      const another = await dial(fresh.port);
      await converse(t, another, 'fresh', 100);
      other.end();
      another.end();
      t.deepEqual(await Promise.all([going.exit, fresh.exit]), [0, 0]);
    });
  }
}
