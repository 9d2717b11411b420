/**
 * Starts programs as child processes, reads their output by lines, and waits for them under a time limit. No process
 * outlives the tests, and a process that the limit killed rejects instead of counting as ended.
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

/** The project's root folder. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The root folder of the package under test: the project itself, or the packed package. */
export const packageRoot = fileURLToPath(new URL('..', import.meta.resolve('edgepoll')));

const { versions } = process;
const other = (['bun', 'deno'] as const).find((name) => versions[name] !== undefined);

/** The runtime that runs these tests. */
export const runtimeName: 'node' | 'bun' | 'deno' = other ?? 'node';

/**
 * What strace shows of a call that changes a descriptor's flags after it was made. Not musl's own: after each call with O_CLOEXEC, musl sets
 * FD_CLOEXEC once more, for kernels before Linux 2.6.24.
 */
export const changesFlags: RegExp = readFileSync('/proc/self/maps', 'latin1').includes('/ld-musl-')
  ? /F_SETFL|F_SETFD, (?!FD_CLOEXEC)|FIONBIO/
  : /F_SETFL|F_SETFD|FIONBIO/;

/** The drivers that this runtime supports: only Node.js has `uv`. */
export const drivers: readonly Driver[] = runtimeName === 'node' ? ['uv', 'thread'] : ['thread'];

/** Skips a test in the named runtimes. The reason is added to the title, so it must name the runtime or say what differs. */
export function exceptIn(names: readonly string[], reason: string): TestFn {
  if (!names.includes(runtimeName)) return test;
  const skip = (title: string, body: () => void): void => test.skip(`${title} (${reason})`, body);
  return skip as TestFn;
}

/** The command that runs a script in this runtime with `gc()` exposed; append the script's path and its arguments. */
export const runtime: readonly [program: string, ...args: string[]] =
  versions['deno'] === undefined
    ? [process.execPath, '--expose-gc']
    : [process.execPath, 'run', '--allow-all', '--v8-flags=--expose-gc'];

/** Seconds without output after which a program is killed. scripts/portable.mjs multiplies it where the processor is emulated. */
const LIMIT_SECONDS = 45 * Number(process.env['EDGEPOLL_PATIENCE'] ?? 1);

/** How a process ended, and all of its output. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A running process. */
export interface Child {
  process: ChildProcessWithoutNullStreams;
  /** The next line of its output; `undefined` after the last one. */
  line(): Promise<string | undefined>;
  /** How it ended. Rejects if the time limit killed it. */
  ended: Promise<Ended>;
}

/** The path of a compiled fixture. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}.js`, import.meta.url));
}

const groups = new Set<number>();

// A test that exceeds its own timeout ends before the time limit of the programs that it started.
process.on('exit', () => {
  for (const group of groups) process.kill(-group, 'SIGKILL');
});

/** Starts a program. */
export function start(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Child {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ...env },
    // A process group of its own, so that the time limit also kills the program's children.
    detached: true,
  });
  const { pid } = child;
  if (pid !== undefined) groups.add(pid);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  // A program may end without reading its input: EPIPE is no failure.
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
      const both = `stdout:\n${output.stdout}\nstderr:\n${output.stderr}`;
      if (late) reject(new Error(`${args.join(' ')} did not end within its limit\n${both}`));
      else resolve({ code, signal, ...output });
    });
  });
  // The caller sees the rejection when it awaits `ended`. A test that failed before that must not fail a second time.
  ended.catch(() => {});
  const line = async (): Promise<string | undefined> => (await lines.next()).value;
  return { process: child, line, ended };
}

const MOST_AT_ONCE = 4;
let running = 0;
const waiting: (() => void)[] = [];

/** Runs a program without input to its end. Only a few run at a time, because some tests measure how long one lives. */
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

/** Runs a fixture in the runtime of the tests. */
export function runFixture(name: string, ...args: string[]): Promise<Ended> {
  const [program, ...before] = runtime;
  return run(program, [...before, fixture(name), ...args]);
}

/** A temporary folder that is removed when the test ends. */
export function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'edgepoll-test-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A named pipe that is removed when the test ends. */
export function makeFifo(t: ExecutionContext): string {
  const path = join(folder(t), 'fifo');
  const { status, stderr } = spawnSync('mkfifo', [path], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mkfifo failed: ${stderr}`);
  return path;
}

const hasStrace = spawnSync('strace', ['-V']).error === undefined;

const skipWithReason = (title: string, body: () => void): void =>
  test.skip(`${title} (strace is not installed)`, body);

/** For tests that use strace: reported as skipped on a machine without it, but never in CI. */
export const straceTest: TestFn =
  hasStrace || process.env['CI'] !== undefined ? test : (skipWithReason as TestFn);

/** Runs a fixture under strace and returns the lines of the calls between its marks `begin` and `end`. */
export async function straced(
  t: ExecutionContext,
  calls: string,
  name: string,
  ...args: string[]
): Promise<{ ended: Ended; lines: string[] }> {
  const log = join(folder(t), 'strace');
  // Each runtime checks by a different call whether the marks' files exist.
  const trace = `trace=?access,?faccessat,?faccessat2,?stat,?lstat,?newfstatat,?statx,${calls}`;
  const strace = ['-f', '-qq', '-e', trace, '-e', 'signal=none', '-o', log];
  const ended = await run('strace', [...strace, ...runtime, fixture(name), ...args]);
  const all = readFileSync(log, 'utf8').split('\n');
  const begin = all.findIndex((line) => line.includes('/edgepoll-mark-begin'));
  const end = all.findIndex((line) => line.includes('/edgepoll-mark-end'));
  if (begin === -1 || end < begin)
    throw new Error(`no marks; its output:\n${ended.stdout}${ended.stderr}`);
  return { ended, lines: all.slice(begin + 1, end) };
}

/** The system calls that wait for descriptors, for strace. `?` marks calls that this architecture may lack. */
export const WAITS = '?epoll_wait,epoll_pwait,?epoll_pwait2,?poll,ppoll,?select,pselect6';

/**
 * The waits that returned within these lines, as `strace -f` prints them. Left out are waits that slept and found nothing until their
 * timeout: a runtime serves its timers that way, which is no busy loop. Left out is also a look without a sleep, by the same
 * thread, that finds nothing right after a wait that found something: Node.js 24 looks like that before it sleeps again.
 */
export function endedWaits(lines: string[]): string[] {
  const ended = /(?:epoll_p?wait2?|p?poll|p?select6?)(?:\(| resumed>).* = -?\d/;
  const foundNothing = / = 0(?: \(Timeout\))?$/;
  const didNotSleep = /, (?:0|\{tv_sec=0, tv_n?u?sec=0\})(?:, NULL(?:, \d+)?)?\)\s+= /;
  const foundBefore = new Map<string | undefined, boolean>();
  return lines.filter((line) => {
    if (!ended.test(line)) return false;
    const [thread] = line.split(' ', 1);
    const isAfterFound = foundBefore.get(thread) === true;
    const isEmpty = foundNothing.test(line);
    foundBefore.set(thread, !isEmpty);
    return !isEmpty || (didNotSleep.test(line) && !isAfterFound);
  });
}
