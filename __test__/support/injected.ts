/**
 * A fixture whose system calls fail as a test wants, by strace, and what it did. It must never touch calls on
 * other files than the named one: with paths, only calls on those files are traced, counted and spoiled.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';

import type { Ended } from './process.js';
import { fixture, folder, run } from './process.js';

export interface Spoiled {
  /** The calls to see, in strace's words, for example `epoll_ctl` or `?poll,ppoll`. */
  calls: string;
  /** What is done to them, for example `epoll_ctl:error=ENOSPC:when=1`. */
  inject?: string;
  /** Only calls on these files: on a descriptor of one, or by its name. */
  paths?: string[];
}

/** Runs a fixture under strace; gives every line of its calls. */
export async function spoiled(
  t: ExecutionContext,
  { calls, inject, paths = [] }: Spoiled,
  name: string,
  ...args: string[]
): Promise<{ ended: Ended; lines: string[] }> {
  const log = join(folder(t), 'strace');
  const words = ['-f', '-qq', '-e', `trace=${calls}`, '-e', 'signal=none', '-o', log];
  for (const path of paths) words.push('-P', path);
  if (inject !== undefined) words.push('-e', `inject=${inject}`);
  const ended = await run('strace', [...words, process.execPath, fixture(name), ...args]);
  const lines = readFileSync(log, 'utf8').split('\n');
  return { ended, lines: lines.filter((line) => line !== '') };
}

/** The object that a fixture printed; its words when it printed none. */
export function reportOf(ended: Ended): unknown {
  if (ended.code !== 0 || ended.stderr !== '')
    throw new Error(`code ${ended.code}, signal ${ended.signal}\n${ended.stdout}\n${ended.stderr}`);
  return JSON.parse(ended.stdout);
}
