/** Signals read from a descriptor in a process with many threads: `fd-signals DRIVER`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

import type { Driver } from 'edgepoll';
import type { SignalInfo } from 'edgepoll/fd';
import { signalfd } from 'edgepoll/fd';

const ROUNDS = 1000;

async function worker(): Promise<void> {
  parentPort?.postMessage('here', []);
  // Sleeps in its event loop until it is told to go.
  if (parentPort !== null) await once(parentPort, 'message');
}

async function main(): Promise<void> {
  const driver = process.argv[2] as Driver;
  // Before the signalfd: these threads do not block the signal yet.
  const workers = [new Worker(new URL(import.meta.url)), new Worker(new URL(import.meta.url))];
  await Promise.all(workers.map((thread) => once(thread, 'message')));
  let handled = 0;
  process.on('SIGUSR2', () => (handled += 1));

  const signals = signalfd(['SIGUSR2', 'SIGTERM', 'SIGWINCH']);
  const values = signals.values({ driver });
  const next = async (): Promise<SignalInfo> => {
    const { value } = await values.next();
    if (value === undefined) throw new Error('the iteration ended');
    return value;
  };
  const wrong: SignalInfo[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const signal = round % 3 === 0 ? 'SIGTERM' : 'SIGUSR2';
    process.kill(process.pid, signal);
    const info = await next();
    const isRight =
      info.signal === signal &&
      info.code === 0 &&
      info.pid === process.pid &&
      info.uid === process.getuid?.();
    if (!isRight) wrong.push(info);
  }

  // After the signalfd: these inherit the mask.
  const later = new Worker(new URL(import.meta.url));
  await once(later, 'message');
  let fromOthers = 0;
  for (let round = 0; round < 20; round += 1) {
    const child = spawn('sh', ['-c', `kill -USR2 ${process.pid}`]);
    const closed = once(child, 'close');
    const info = await next();
    if (info.pid === child.pid && info.code === 0 && info.number === 12) fromOthers += 1;
    await closed;
  }
  const handledMeanwhile = handled;

  // Two share a signal: the first to go takes nothing from the other.
  const second = signalfd(['SIGUSR2']);
  signals.close();
  const ended = (await values.next()).done;
  process.kill(process.pid, 'SIGUSR2');
  const shared = (await second.values({ driver }).next()).value?.signal;
  second.close();

  const before = handled;
  const again = once(process, 'SIGUSR2');
  process.kill(process.pid, 'SIGUSR2');
  await again;
  const fresh = once(process, 'SIGTERM');
  process.kill(process.pid, 'SIGTERM');
  await fresh;
  // What a child gets is not what this process blocked.
  const reopened = signalfd(['SIGTERM']);
  const child = spawn('sleep', ['60']);
  const childEnded = once(child, 'close');
  child.kill('SIGTERM');
  const [, childSignal] = (await childEnded) as [number | null, string | null];
  reopened.close();

  for (const thread of [...workers, later]) thread.postMessage('go', []);
  const report = {
    wrong: wrong.slice(0, 3),
    fromOthers,
    handledMeanwhile,
    ended,
    shared,
    handledAfter: handled - before,
    childSignal,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

await (isMainThread ? main() : worker());
