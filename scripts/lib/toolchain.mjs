// Says in one line what this machine lacks to build the crates, before cargo fails with an obscure error, and what to do
// about a failed set-up. Installs nothing.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inProject } from './root.mjs';
import { refuseArguments, UsageError } from './usage.mjs';

/** What went wrong, in words that are shown without a stack. */
export class SetupError extends Error {
  name = 'SetupError';
}

export function requireRust() {
  const missing = missingRust();
  if (missing !== undefined) throw new SetupError(missing);
}

/** What is missing to build the crates, and how to get it; or undefined. */
export function missingRust() {
  const needed = /^rust-version = "(.+)"$/m.exec(readFileSync(inProject('Cargo.toml'), 'utf8'))[1];
  for (const tool of ['cargo', 'rustc']) {
    const version = versionOf(tool);
    if (version === undefined) {
      return `${tool} was not found: install Rust ${needed} or newer (https://rustup.rs), put ${tool} on the PATH and run this again.`;
    }
    if (isOlder(version, needed)) {
      return `Rust ${needed} or newer is needed, and ${tool} is ${version}: update it (rustup update) and run this again.`;
    }
  }
  return versionOf('cc') === undefined
    ? 'cc was not found, with which Rust links: install it (Debian: apt-get install gcc libc6-dev) and run this again.'
    : undefined;
}

/** Why AddressSanitizer cannot run here, or undefined. */
export function missingForAsan() {
  if (process.arch !== 'x64') return 'it is set up for x86-64';
  if (spawnSync('cargo', ['+nightly', '--version']).status !== 0)
    return 'it needs the nightly toolchain of Rust (rustup toolchain install nightly)';
  return asanRuntime() === undefined ? "it needs gcc's libasan (Debian: libgcc-12-dev)" : undefined;
}

/** Why strace cannot make calls of the core fail here, or undefined. */
export function missingForInject() {
  const missing = missingRust();
  if (missing !== undefined) return missing;
  if (versionOf('strace') === undefined) return 'it needs strace (Debian: apt-get install strace)';
  return spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
    ? undefined
    : 'strace may not trace a process here (ptrace(2))';
}

/** Why the benchmark of attacks cannot run here, or undefined. */
export function missingForAttack() {
  const missing = missingRust();
  if (missing !== undefined) return missing;
  const tools = { taskset: 'util-linux', ss: 'iproute2' };
  for (const [tool, from] of Object.entries(tools))
    if (spawnSync(tool, ['-V']).status !== 0)
      return `it needs ${tool} (Debian: apt-get install ${from})`;
  return undefined;
}

/** The sanitizer's library, which must be loaded before everything else. */
export function asanRuntime() {
  const { stdout } = spawnSync('cc', ['-print-file-name=libasan.so'], { encoding: 'utf8' });
  const found = stdout?.trim() ?? '';
  return path.isAbsolute(found) && existsSync(found) ? found : undefined;
}

/** The folder whose disk is full, or undefined. */
export function fullDisk() {
  return [inProject(), tmpdir()].find(isFull);
}

/** Whether the disk of this folder is full. */
export function isFull(folder) {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < 8 * 2 ** 20;
}

/** What to do about an error of the set-up: one line if its cause is known, else its stack. */
export function explain(error) {
  const full = fullDisk() ?? (error.code === 'ENOSPC' ? inProject() : undefined);
  if (full !== undefined) return `the disk of ${full} is full: make room and run this again.`;
  // The message of a failed system call names the call and the path.
  return error instanceof SetupError || error.syscall !== undefined ? error.message : error.stack;
}

/** Ends the process over a failed set-up, or a command line that cannot be right. */
export function failSetUp(error) {
  if (error instanceof UsageError) refuseArguments(error.message);
  console.error(`set-up: ${explain(error)}`);
  process.exit(1);
}

function versionOf(tool) {
  const { status, stdout } = spawnSync(tool, ['--version'], { encoding: 'utf8' });
  return status === 0 ? (/\d+\.\d+(\.\d+)?/.exec(stdout)?.[0] ?? '') : undefined;
}

function isOlder(version, needed) {
  const [have, want] = [version, needed].map((text) => text.split('.').map(Number));
  const place = want.findIndex((number, index) => (have[index] ?? 0) !== number);
  return place >= 0 && (have[place] ?? 0) < want[place];
}
