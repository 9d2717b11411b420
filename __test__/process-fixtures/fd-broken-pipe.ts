/**
 * Writes to pipes that nobody reads, where a listener of SIGPIPE was and is no more: `fd-broken-pipe before|after|worker`,
 * before or after the first descriptor, or from a worker; or there is another one, which must hear of it: `heard`.
 * Then it sends SIGPIPE to itself, which must end it.
 */
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

import { EdgepollError } from 'edgepoll';
import { pipe } from 'edgepoll/fd';

/** What this thread blocks and what waits for it. */
function signals(): string {
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  return (status.match(/^(?:SigPnd|ShdPnd|SigBlk):.*$/gm) ?? []).join(' ');
}

function written(writer: { write(text: string): number | null }): string {
  try {
    return String(writer.write('x'));
  } catch (error) {
    return error instanceof EdgepollError ? error.code : String(error);
  }
}

/** What two writes to a pipe without a reader say, one with a reader, and what became of the thread's signals. */
function attempt(): unknown {
  const broken = pipe();
  const whole = pipe();
  const copy = broken.writer.duplicate();
  broken.reader.close();
  const before = signals();
  const told = [broken.writer, copy, whole.writer].map(written);
  const sameSignals = signals() === before;
  // Closed, because the garbage collection of an open one emits a warning.
  for (const each of [broken.writer, copy, whole.reader, whole.writer]) each.close();
  return { told, sameSignals };
}

const [how] = process.argv.slice(2);
if (isMainThread) {
  if (how === 'after' || how === 'heard') {
    const first = pipe();
    first.reader.close();
    first.writer.close();
  }
  const listener = (): void => {};
  process.on('SIGPIPE', listener);
  process.off('SIGPIPE', listener);
  let told: unknown;
  // Waited for below: its listener runs when the loop comes round.
  const heard = how === 'heard' ? once(process, 'SIGPIPE') : undefined;
  if (how === 'worker') {
    const worker = new Worker(new URL(import.meta.url));
    [told] = await once(worker, 'message');
    await worker.terminate();
  } else {
    told = attempt();
  }
  // Neither a listener of signals nor Deno's handler, which ends the process from a thread of its own, keeps it alive.
  setTimeout(() => process.exit(1), 30_000);
  await heard;
  process.stdout.write(`${JSON.stringify(told)}\n`, () => process.kill(process.pid, 'SIGPIPE'));
} else {
  parentPort?.postMessage(attempt(), []);
}
