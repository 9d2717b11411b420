/**
 * Programs as processes of their own: started, talked to by lines, waited for under a hard time limit.
 * It must never leave a process behind, nor take a killed one for one that ended.
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { ExecutionContext, TestFn } from 'ava';
import test from 'ava';
import type { Driver } from 'edgepoll';

/** The project's top folder. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The folder of the package that is tested: the project's own, or the one that was packed. */
export const packageRoot = fileURLToPath(new URL('..', import.meta.resolve('edgepoll')));

const { versions } = process;
const other = (['bun', 'deno'] as const).find((name) => versions[name] !== undefined);

/** What these tests run in. */
export const runtimeName: 'node' | 'bun' | 'deno' = other ?? 'node';

/** The drivers of this runtime, for tests that hold for all: only Node.js has the first. */
export const drivers: readonly Driver[] = runtimeName === 'node' ? ['uv', 'thread'] : ['thread'];

/** For tests of what some runtimes do not have: skipped there, visibly, with the reason. */
export function exceptIn(names: readonly string[], reason: string): TestFn {
  if (!names.includes(runtimeName)) return test;
  const skip = (title: string, body: () => void): void => test.skip(`${title} (${reason})`, body);
  return skip as TestFn;
}

/** What starts a script in this runtime, with `gc()`; the script's path and its arguments follow. */
export const runtime: readonly [program: string, ...args: string[]] =
  versions['deno'] === undefined
    ? [process.execPath, '--expose-gc']
    : [process.execPath, 'run', '--allow-all', '--v8-flags=--expose-gc'];

/** For so long a program may neither end nor say anything. */
const LIMIT_SECONDS = 45;

/** How a process ended, and all that it said. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A running process. */
export interface Child {
  process: ChildProcessWithoutNullStreams;
  /** The next line of its output; `undefined` when there will be none. */
  line(): Promise<string | undefined>;
  /** How it ended. Rejects when the limit had to end it. */
  ended: Promise<Ended>;
}

/** Where a compiled program of the tests lies. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}.js`, import.meta.url));
}

const groups = new Set<number>();

// A test that ran out of its own time ends before the limit of what it started.
process.on('exit', () => {
  for (const group of groups) process.kill(-group, 'SIGKILL');
});

/** Starts a program. */
export function start(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Child {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ...env },
    // A group of its own, so that the limit ends what the program started as well.
    detached: true,
  });
  const { pid } = child;
  if (pid !== undefined) groups.add(pid);
  const told = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told.stderr += text));
  // Who ends without reading its input does nothing wrong.
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<Ended>((resolve, reject) => {
    let late = false;
    let limit: ReturnType<typeof setTimeout> | undefined;
    const restart = (): void => {
      clearTimeout(limit);
      limit = setTimeout(() => {
        late = true;
        if (pid !== undefined) process.kill(-pid, 'SIGKILL');
      }, LIMIT_SECONDS * 1000);
    };
    restart();
    child.stdout.on('data', restart);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      if (pid !== undefined) groups.delete(pid);
      const said = `stdout:\n${told.stdout}\nstderr:\n${told.stderr}`;
      if (late) reject(new Error(`${args.join(' ')} did not end within its limit\n${said}`));
      else resolve({ code, signal, ...told });
    });
  });
  // Told to whoever awaits it; a test that failed before must not fail twice.
  ended.catch(() => {});
  const line = async (): Promise<string | undefined> => (await lines.next()).value;
  return { process: child, line, ended };
}

const MOST_AT_ONCE = 4;
let running = 0;
const waiting: (() => void)[] = [];

/** Runs a program without input to its end. Few at a time: some tests look at how long a program lives. */
export async function run(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  if (running < MOST_AT_ONCE) running += 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    const child = start(command, args, env);
    child.process.stdin.end();
    return await child.ended;
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

/** Runs one of the tests' own programs in the runtime that the test runs in. */
export function runFixture(name: string, ...args: string[]): Promise<Ended> {
  const [program, ...before] = runtime;
  return run(program, [...before, fixture(name), ...args]);
}

/** A temporary folder that goes with the test. */
export function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'edgepoll-test-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A named pipe that goes with the test. */
export function makeFifo(t: ExecutionContext): string {
  const path = join(folder(t), 'fifo');
  const { status, stderr } = spawnSync('mkfifo', [path], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mkfifo failed: ${stderr}`);
  return path;
}

const hasStrace = spawnSync('strace', ['-V']).error === undefined;

const skipWithReason = (title: string, body: () => void): void =>
  test.skip(`${title} (no strace here)`, body);

/** For tests that count system calls: skipped, visibly, on a machine without strace, but never in CI. */
export const straceTest: TestFn =
  hasStrace || process.env['CI'] !== undefined ? test : (skipWithReason as TestFn);

/** Runs a fixture under strace and gives the lines of the calls between its marks `begin` and `end`. */
export async function straced(
  t: ExecutionContext,
  calls: string,
  name: string,
  ...args: string[]
): Promise<{ ended: Ended; lines: string[] }> {
  const log = join(folder(t), 'strace');
  // Each runtime asks by another call whether the marks' files exist.
  const trace = `trace=?access,?faccessat,?faccessat2,?stat,?lstat,?newfstatat,?statx,${calls}`;
  const strace = ['-f', '-qq', '-e', trace, '-e', 'signal=none', '-o', log];
  const ended = await run('strace', [...strace, ...runtime, fixture(name), ...args]);
  const all = readFileSync(log, 'utf8').split('\n');
  const begin = all.findIndex((line) => line.includes('/edgepoll-mark-begin'));
  const end = all.findIndex((line) => line.includes('/edgepoll-mark-end'));
  if (begin === -1 || end < begin)
    throw new Error(`no marks; it said:\n${ended.stdout}${ended.stderr}`);
  return { ended, lines: all.slice(begin + 1, end) };
}

/** What waits for descriptors, for strace: a call that this machine does not have is no error. */
export const WAITS = '?epoll_wait,epoll_pwait,?epoll_pwait2,?poll,ppoll,?select,pselect6';

/**
 * The waits that were over within these lines, without those that found nothing until their own time had come: a
 * runtime looks after its timers like that, and it is no spin.
 */
export function endedWaits(lines: string[]): string[] {
  const ended = /(?:epoll_p?wait2?|p?poll|p?select6?)(?:\(| resumed>).* = -?\d/;
  const foundNothing = / = 0(?: \(Timeout\))?$/;
  const didNotSleep = /, (?:0|\{tv_sec=0, tv_n?u?sec=0\})(?:, NULL(?:, \d+)?)?\)\s+= /;
  return lines.filter(
    (line) => ended.test(line) && (!foundNothing.test(line) || didNotSleep.test(line)),
  );
}
