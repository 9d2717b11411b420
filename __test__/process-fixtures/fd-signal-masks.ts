/** The effects of a SignalFd on the signal masks of this process's threads, on its listeners and on its children. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';

import { Poller } from 'edgepoll';
import { eventfd, signalfd, withUnblockedSignals } from 'edgepoll/fd';

const { SIGSEGV, SIGTERM, SIGUSR1, SIGUSR2 } = constants.signals;
const bit = (signal: number): bigint => 1n << BigInt(signal - 1);
/** glibc blocks this signal while it starts a thread. */
const INTERNAL = bit(32);
const WATCHED = bit(SIGTERM) | bit(SIGUSR2);

function maskIn(status: string): bigint {
  const [, mask = '0'] = /^SigBlk:\s*(\w+)$/m.exec(status) ?? [];
  return BigInt(`0x${mask}`);
}

/** The signals that each thread of this process blocks, by the thread's number. */
function masks(): Map<string, { name: string; mask: bigint }> {
  const found = new Map<string, { name: string; mask: bigint }>();
  for (const id of readdirSync('/proc/self/task')) {
    const folder = `/proc/self/task/${id}`;
    try {
      const status = readFileSync(`${folder}/status`, 'utf8');
      found.set(id, {
        name: readFileSync(`${folder}/comm`, 'utf8').trim(),
        mask: maskIn(status),
      });
    } catch {
      // The thread has ended.
    }
  }
  return found;
}

async function main(): Promise<object> {
  // Starts the helper threads of the driver `thread` and of the engine `poll`.
  const poller = new Poller({ driver: 'thread', engine: 'poll' });
  const counter = eventfd();
  poller.register(counter);
  const waiting = poller.poll();
  try {
    return await run();
  } finally {
    counter.write();
    await waiting;
    poller.close();
    counter.close();
  }
}

async function run(): Promise<object> {
  // A thread sets its name itself, some time after its start.
  const settled = (): boolean => {
    const threads = [...masks().values()];
    const named = threads.filter(({ name }) => name.startsWith('edgepoll')).length;
    return named === 2 && threads.every(({ mask }) => (mask & INTERNAL) === 0n);
  };
  while (!settled()) await turn();
  const before = masks();
  const helpers = [...before.values()].filter(({ name }) => name.startsWith('edgepoll'));
  const areQuiet = helpers.every(
    ({ mask }) => (mask & bit(SIGUSR1)) !== 0n && (mask & bit(SIGSEGV)) === 0n,
  );

  const signals = signalfd(['SIGTERM', 'SIGUSR2']);
  const values = signals.values();
  let heard = 0;
  const listener = (): void => {
    heard += 1;
  };
  process.on('SIGUSR2', listener);
  const takers = [...masks().values()].filter(({ mask }) => (mask & WATCHED) !== WATCHED).length;
  let read = 0;
  const send = async (): Promise<void> => {
    const sender = spawn('kill', ['-USR2', String(process.pid)]);
    const sent = once(sender, 'exit');
    if ((await values.next()).value?.number === SIGUSR2) read += 1;
    await sent;
  };
  for (let round = 0; round < 5; round += 1) await send();
  // Without listeners the runtime restores the signal's default action, which would end the process.
  process.off('SIGUSR2', listener);
  await send();
  process.on('SIGUSR2', listener);

  const child = spawn('sleep', ['60']);
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  child.kill('SIGTERM');
  const [, childEndedBy] = await ended;
  const status = (): Buffer => spawnSync('cat', ['/proc/self/status']).stdout;
  const childBlocks = (maskIn(withUnblockedSignals(status).toString()) & WATCHED) !== 0n;

  // The signals arrive in a nested call of withUnblockedSignals().
  const nested = withUnblockedSignals(() =>
    withUnblockedSignals(() => {
      process.kill(process.pid, 'SIGUSR2');
      process.kill(process.pid, 'SIGTERM');
      return 'done';
    }),
  );
  const numbers = [(await values.next()).value?.number, (await values.next()).value?.number];
  const keptNumbers = numbers.toSorted((one, other) => Number(one) - Number(other));
  const heardMeanwhile = heard;

  signals.close();
  const after = masks();
  const changed = [...before].filter(([id, { mask }]) => {
    const now = after.get(id);
    return now !== undefined && now.mask !== mask;
  });
  const listened = once(process, 'SIGUSR2');
  process.kill(process.pid, 'SIGUSR2');
  await listened;
  process.off('SIGUSR2', listener);
  return {
    helpers: helpers.length,
    areQuiet,
    takers,
    read,
    childEndedBy,
    childBlocks,
    nested,
    keptNumbers,
    heardMeanwhile,
    changed: changed.length,
    heardAfter: heard,
    listeners: process.listenerCount('SIGTERM') + process.listenerCount('SIGUSR2'),
  };
}

process.stdout.write(`${JSON.stringify(await main())}\n`);
