/**
 * Runs a fixture under strace, which makes chosen system calls fail, and returns the calls that it traced. With `paths`
 * strace traces, counts and changes only calls on those files.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';

import type { Ended } from './process.js';
import { fixture, folder, run, runtime } from './process.js';

export interface Injection {
  /** The calls to trace, in strace's notation, for example `epoll_ctl` or `?poll,ppoll`. */
  calls: string;
  /** What strace injects, for example `epoll_ctl:error=ENOSPC:when=1`. */
  inject?: string;
  /** Limits both to calls on these files, by descriptor or by path. */
  paths?: string[];
}

/** Runs a fixture under strace and returns every line of the log. */
export async function runInjected(
  t: ExecutionContext,
  { calls, inject, paths = [] }: Injection,
  name: string,
  ...args: string[]
): Promise<{ ended: Ended; lines: string[] }> {
  const log = join(folder(t), 'strace');
  const words = ['-f', '-qq', '-e', `trace=${calls}`, '-e', 'signal=none', '-o', log];
  for (const path of paths) words.push('-P', path);
  if (inject !== undefined) words.push('-e', `inject=${inject}`);
  const ended = await run('strace', [...words, ...runtime, fixture(name), ...args]);
  const lines = readFileSync(log, 'utf8').split('\n');
  return { ended, lines: lines.filter((line) => line !== '') };
}

/** Parses the JSON that a fixture printed. Throws with its output if it failed or wrote to stderr. */
export function reportOf(ended: Ended): unknown {
  if (ended.code !== 0 || ended.stderr !== '')
    throw new Error(`code ${ended.code}, signal ${ended.signal}\n${ended.stdout}\n${ended.stderr}`);
  return JSON.parse(ended.stdout);
}
