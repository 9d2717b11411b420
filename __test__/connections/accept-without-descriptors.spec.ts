// A process that runs out of descriptors: the server keeps its connections, waits without spinning, and accepts again
// once there are descriptors.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';
import test from 'ava';

import { runChild, which } from '../support/child.js';

interface Shortage {
  /** Connections that were open when accept failed. */
  open: number;
  error: Record<string, unknown>;
  /** How long the shortage was observed while clients waited: at least two seconds. */
  seconds: number;
  /** Pauses of accepting in that time. */
  pauses: number;
  /** Microseconds of CPU time in that time. */
  cpu: number;
  /** Echoes that the old connections gave during the shortage. */
  echoes: number;
  /** Connections served in the end. */
  served: number;
}

function check(t: ExecutionContext, result: Shortage): void {
  t.true(result.open > 5 && result.open < 64, `${result.open} open`);
  const { port, ...error } = result.error;
  t.is(typeof port, 'number');
  t.deepEqual(error, {
    name: 'EdgepollError',
    code: 'EMFILE',
    errno: -24,
    syscall: 'accept',
    address: '127.0.0.1',
  });
  t.is(result.echoes, result.open);
  const { pauses, cpu, seconds } = result;
  // A pause lasts 5 ms at first and doubles up to 1 s, so 2 s hold about ten. A server that spins has thousands.
  t.true(pauses >= 1 && pauses <= 10 * seconds, `${pauses} pauses in ${seconds} seconds`);
  t.true(cpu < 250_000 * seconds, `${cpu} µs of CPU in ${seconds} seconds`);
  t.is(result.served, 100);
}

/** Whether the machine has the program. If not, the test passes and logs that it was skipped. */
function has(t: ExecutionContext, program: string): boolean {
  if (which(program) !== undefined) return true;
  t.log(`skipped: this machine has no ${program}`);
  t.pass();
  return false;
}

for (const driver of ['uv', 'thread']) {
  test(`EMFILE: connections are kept, nothing spins, accepting resumes; driver ${driver}`, async (t) => {
    if (has(t, 'prlimit')) check(t, await runChild<Shortage>('shortage', [driver]));
  });
}

test('EMFILE: a server without descriptors makes few system calls', async (t) => {
  if (!has(t, 'prlimit') || !has(t, 'strace')) return;
  const folder = mkdtempSync(join(tmpdir(), 'edgepoll-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const log = join(folder, 'calls');
  const calls = 'trace=accept,accept4,epoll_wait,epoll_pwait,?access,?faccessat,?faccessat2';
  const before = ['strace', '-f', '-qq', '-o', log, '-e', calls];
  const { seconds } = await runChild<Shortage>('shortage', ['uv'], before);
  const lines = readFileSync(log, 'utf8').split('\n');
  const begin = lines.findIndex((line) => line.includes('edgepoll-mark-begin'));
  const end = lines.findIndex((line) => line.includes('edgepoll-mark-end'));
  t.true(begin >= 0 && end > begin, 'the marks are in the log');
  // The clients are traced too. Each line begins with the process's id.
  const pid = lines[begin]?.split(' ')[0] ?? '';
  const during = lines.slice(begin, end).filter((line) => line.startsWith(`${pid} `));
  const accepts = during.filter((line) => /accept4?\(/.test(line)).length;
  const waits = during.filter((line) => /epoll_p?wait\(/.test(line)).length;
  t.true(accepts >= 1 && accepts <= 12 * seconds, `${accepts} accepts in ${seconds} seconds`);
  t.true(waits >= 1 && waits <= 100 * seconds, `${waits} waits in ${seconds} seconds`);
});
