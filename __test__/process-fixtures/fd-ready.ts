/** A wait keeps the process alive until it is over; what was waited for is collected when nobody has it. */
import { spawn } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';

import { eventfd, pidfd } from 'edgepoll/fd';

declare const gc: () => void;

async function waitOnce(): Promise<void> {
  const counter = eventfd();
  counter.write();
  await counter.readable();
}

// Nothing but the wait keeps the process alive: the child is not waited for.
const child = spawn('sleep', ['0.2'], { stdio: 'ignore' });
child.unref();
using ended = pidfd(child.pid ?? 0);
await ended.readable();
process.stdout.write('waited\n');

const warnings: Error[] = [];
process.removeAllListeners('warning');
process.on('warning', (warning) => warnings.push(warning));
await waitOnce();
for (; warnings.length === 0; gc()) {
  // oxlint-disable-next-line no-await-in-loop -- until it is collected
  await turn();
}
process.stdout.write('collected\n');
// Open, and registered: neither keeps the process alive.
const idle = eventfd({ initial: 1 });
await idle.readable();
