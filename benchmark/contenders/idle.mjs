// A few active descriptors among many idle ones, through edgepoll. One cycle makes the active ones ready, takes one batch
// and reads them. Started through `readiness hold`, with the engine and the trigger.

import { readSync, writeSync } from 'node:fs';
import { heldDescriptors, Meter, serveWindows } from './meter.mjs';
import { edgepoll } from './package-api.mjs';

const [engine, trigger] = /** @type {[string, 'level' | 'edge']} */ (process.argv.slice(2));
const { readers, writers, token } = heldDescriptors();
const buffer = new Uint8Array(token.length);
// A cycle of poll over 10,000 descriptors takes a millisecond.
const meter = new Meter(4);

const { Poller } = await edgepoll();
const poller = new Poller({ engine });
for (const [index, fd] of readers.entries()) {
  poller.register(fd, { readable: true, trigger, data: index });
}

/** The indices of `active` descriptors, evenly spread over all, as in the Rust program. @param {number} active */
function spread(active) {
  return Array.from({ length: active }, (_, turn) =>
    Math.floor(((2 * turn + 1) * readers.length) / (2 * active)),
  );
}

/** @param {number[]} active */
async function cycle(active) {
  for (const index of active) writeSync(writers[index], token, 0, token.length, null);
  let served = 0;
  // All are ready at once. An engine that returns them in several batches pays for each.
  while (served < active.length) {
    for (const { data } of await poller.poll()) {
      const length = readSync(readers[data], buffer, 0, buffer.length, null);
      if (length !== token.length) throw new Error(`descriptor ${data} was not ready`);
      served += 1;
    }
  }
  if (served !== active.length) throw new Error(`${served} were ready, not ${active.length}`);
}

serveWindows(async (seconds, warmup, active) => {
  const report = meter.window(seconds, warmup);
  const chosen = spread(active);
  do {
    await cycle(chosen);
  } while (meter.add(1));
  return report;
});
