/** Starts the example servers as users start them, `npm run --silent example -- NAME …`, and ends them as Ctrl-C does. */
import type { ExecutionContext } from 'ava';

import type { Child } from '../support/process.js';
import { start } from '../support/process.js';

export const npm = ['run', '--silent', 'example', '--'];

export interface Running {
  child: Child;
  port: number;
  pid: number;
}

/** Starts an example server and parses its ready line. */
export async function serve(t: ExecutionContext, ...args: string[]): Promise<Running> {
  const child = start('npm', [...npm, ...args, '--port', '0']);
  child.process.stdin.end();
  const line = await child.line();
  const match = /^listening on 127\.0\.0\.1:(\d+) pid (\d+)$/.exec(line ?? '');
  if (match === null)
    throw new Error(`not a ready line: ${line}\n${JSON.stringify(await child.ended)}`);
  const [port = 0, pid = 0] = match.slice(1).map(Number);
  t.true(port > 0);
  return { child, port, pid };
}

/** Ends a server as Ctrl-C does, and checks how it ended. `further` is what it printed after its ready line. */
export async function interrupt(
  t: ExecutionContext,
  { child, port, pid }: Running,
  further = '',
): Promise<void> {
  process.kill(pid, 'SIGINT');
  const { code, signal, stdout, stderr } = await child.ended;
  t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  t.is(stdout, `listening on 127.0.0.1:${port} pid ${pid}\n${further}`);
}
