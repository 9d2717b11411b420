/** Pollers that waited and were closed: `collected DRIVER FIFO`. Says what is left of them. */
import { createHook } from 'node:async_hooks';
import { constants, openSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const [driver, fifo = ''] = process.argv.slice(2);
const MOST = 1000;
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);

const contexts = new Set<number>();
let made = 0;
createHook({
  init(id, type) {
    if (type !== 'edgepoll') return;
    contexts.add(id);
    made += 1;
  },
  destroy: (id) => void contexts.delete(id),
}).enable();

const pollers = new Set<number>();
const registry = new FinalizationRegistry<number>((index) => pollers.delete(index));
/** In a function: what runs at the top would hold the last. */
async function makeOne(index: number): Promise<void> {
  const poller = new Poller({ driver: driver as Driver });
  pollers.add(index);
  registry.register(poller, index);
  poller.register(fd);
  const pull = poller[Symbol.asyncIterator]().next();
  await turn();
  poller.close();
  await pull;
}

for (let count = 0; count < 10; count += 1) await makeOne(count);
for (let turns = 0; turns < MOST && (pollers.size > 0 || contexts.size > 0); turns += 1) {
  globalThis.gc?.();
  await turn();
}
process.stdout.write(
  JSON.stringify({ made: made >= 10, pollers: pollers.size, contexts: contexts.size }),
);
