/**
 * A pending wait keeps the process alive. After the wait the registration does not: the object can be garbage-collected, and the
 * process ends.
 */
import { spawn } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';

import { eventfd, pidfd } from 'edgepoll/fd';

declare const gc: () => void;

async function waitOnce(): Promise<void> {
  const counter = eventfd();
  counter.write();
  await counter.readable();
}

// Only the wait keeps the process alive, because the child is unref'ed.
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
  await turn();
}
process.stdout.write('collected\n');
// This descriptor stays open and registered. The process must end all the same.
const idle = eventfd({ initial: 1 });
await idle.readable();
