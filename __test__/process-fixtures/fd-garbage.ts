/** An eventfd that nobody refers to any more: `fd-garbage dropped|released|closed|watched`. */
import { readlinkSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import { Poller } from 'edgepoll';
import { eventfd } from 'edgepoll/fd';

const [how] = process.argv.slice(2);
const warnings: string[] = [];
process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`));
const poller = new Poller();

function leave(): { fd: number; object: WeakRef<object> } {
  const left = eventfd();
  const { fd } = left;
  if (how === 'released') left.release();
  if (how === 'closed') left.close();
  if (how === 'watched') poller.register(left);
  return { fd, object: new WeakRef(left) };
}

const { fd, object } = leave();
const isOver = (): boolean => object.deref() === undefined;
const wanted = how === 'dropped' ? 1 : 0;
// What the poller holds is never collected: twenty rounds show that well enough.
let rounds = how === 'watched' ? 20 : 200;
while (rounds > 0 && !(isOver() && warnings.length >= wanted)) {
  await turn();
  globalThis.gc?.();
  rounds -= 1;
}
for (let turns = 0; turns < 10; turns += 1) await turn();

let open = true;
try {
  open = readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventfd]';
} catch {
  open = false;
}
if (how !== 'watched' && !isOver()) throw new Error('it was never collected');
poller.close();
process.stdout.write(`${JSON.stringify({ open, warnings, fd })}\n`);
