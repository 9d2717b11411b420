/** What the tests of the documents' programs share: a program is started, connected to, and checked by what it prints. */
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import type { ExecutionContext } from 'ava';

import { dial, receiveAll, receiveExactly, send } from '../../support/net.js';
import type { Child } from '../../support/process.js';
import { root, run, start } from '../../support/process.js';

/** Runs the program at `path` and checks what it does. `host` stands for 127.0.0.1 in the program. */
type Drive = (t: ExecutionContext, path: string, host: string) => Promise<void>;

/** The tests of one document's programs, by the program's name. */
export type Drives = Record<string, Drive>;

/** Starts a program, which is killed when the test ends. */
export function started(t: ExecutionContext, path: string, cwd = root): Child {
  const child = start('sh', ['-c', 'cd "$1" && exec "$2" "$3"', 'sh', cwd, process.execPath, path]);
  t.teardown(() => child.process.kill('SIGKILL'));
  return child;
}

/** Runs a program without input. It must succeed, print `expected` and write nothing to stderr. */
export async function prints(t: ExecutionContext, path: string, expected: string): Promise<void> {
  const { code, stdout, stderr } = await run(process.execPath, [path]);
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
}

/** Connects as soon as the program listens. */
export async function dialled(t: ExecutionContext, child: Child, host: string): Promise<Socket> {
  let isOver = false;
  child.process.once('exit', () => (isOver = true));
  for (;;) {
    try {
      const socket = await dial(7000, host);
      t.teardown(() => socket.destroy());
      return socket;
    } catch (error) {
      // Only a successful connect shows that the program listens.
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED' || isOver) throw error;
      await pause(5);
    }
  }
}

/** Checks an echo server: it survives a reset, serves others while one peer reads late, and loses no byte. */
export async function echoes(t: ExecutionContext, child: Child, host: string): Promise<void> {
  const victim = await dialled(t, child, host);
  await send(victim, 'x'.repeat(200_000));
  victim.resetAndDestroy();
  // This peer reads nothing until it has sent everything: 8 MB are more than the kernel keeps in both directions.
  const slow = await dialled(t, child, host);
  const large = Buffer.alloc(8_000_000, 'slow');
  slow.end(large);
  const quick = await dialled(t, child, host);
  await send(quick, 'quick');
  t.is(String(await receiveExactly(quick, 5)), 'quick');
  const received = await receiveAll(slow);
  t.true(received.bytes.equals(large), `${received.bytes.length} bytes, ${received.error}`);
  t.true(received.fin);
  t.is(child.process.exitCode, null);
}
