/**
 * Registers FIFO three times, of which somebody makes the kernel refuse some: `watch-limit DRIVER FIFO`. Says how,
 * and whether the poller is as it was.
 */
import { constants, openSync, writeSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { EdgepollError, Poller } from 'edgepoll';

const [driver, fifo = ''] = process.argv.slice(2);
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
const poller = new Poller<string | undefined>({ driver: driver as Driver });

const results: unknown[] = [];
for (const attempt of ['first', 'second', 'third']) {
  const { size } = poller;
  try {
    poller.register(fd, { data: attempt });
    results.push({ attempt, code: 'none', size: poller.size - size });
    break;
  } catch (error) {
    const { code, errno, syscall } = error as NodeJS.ErrnoException;
    const typed = error instanceof EdgepollError;
    results.push({
      attempt,
      typed,
      code,
      errno,
      syscall,
      fd: (error as { fd?: number }).fd === fd,
      size: poller.size - size,
    });
  }
}
writeSync(fd, 'x');
const { value } = await poller[Symbol.asyncIterator]().next();
poller.close();
process.stdout.write(`${JSON.stringify({ results, told: value?.data })}\n`);
