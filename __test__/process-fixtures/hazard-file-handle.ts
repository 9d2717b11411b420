/**
 * FileHandles that nobody holds, watched by number or by themselves: `hazard-file-handle number|owner DRIVER FIFO`.
 * Needs --expose-gc. Says how the iteration went on after everything unreachable was collected.
 */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const [how, driver, fifo = ''] = process.argv.slice(2);
const { O_NONBLOCK, O_RDWR } = constants;

// Node.js says that it closes what was forgotten; that is what this is about.
process.removeAllListeners('warning');
process.on('warning', () => {});
// Since Node.js 25 it closes it all the same, and then throws.
process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'ERR_INVALID_STATE') throw error;
});

const poller = new Poller<string | undefined>({ driver: driver as Driver });
const writer = openSync(fifo, O_RDWR | O_NONBLOCK);

async function forget(): Promise<{ fd: number; kept: WeakRef<object> }> {
  const handle = await open(fifo, O_RDWR | O_NONBLOCK);
  const { fd } = handle;
  poller.register(how === 'owner' ? handle : fd, { data: 'forgotten' });
  return { fd, kept: new WeakRef(handle) };
}

const { fd, kept } = await forget();
const pull = poller.poll();
// It is looked at below; until then it may be over.
pull.catch(() => {});
for (let round = 0; round < 20; round += 1) {
  globalThis.gc?.();
  await turn();
}
let told: unknown;
if (how === 'owner') {
  writeSync(writer, 'x');
  const [event] = await pull;
  told = { data: event?.data, held: kept.deref() !== undefined };
  readSync(writer, Buffer.alloc(1));
} else {
  try {
    told = (await pull).map(({ data }) => data);
  } catch (error) {
    const { code, fd: of } = error as NodeJS.ErrnoException & { fd?: number };
    told = { code, right: of === fd };
  }
}
const { size } = poller;

// The poller goes on.
poller.register(writer, { data: 'other', writable: true });
const [after] = await poller.poll();
poller.close();
closeSync(writer);
process.stdout.write(`${JSON.stringify({ told, size, after: after?.data })}\n`);
