// Facts about the machine and the versions that a result belongs to. A fact that cannot be found out is left out.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import { ROOT, runtimePath } from './prepare.mjs';

/** @param {string} file @param {string[]} args */
function firstLine(file, args) {
  const result = spawnSync(file, args, { cwd: ROOT, encoding: 'utf8' });
  return result.status === 0 ? result.stdout.split('\n')[0].trim() : undefined;
}

export function machineFacts() {
  const version = (/** @type {'bun' | 'deno'} */ name) =>
    existsSync(runtimePath(name)) ? firstLine(runtimePath(name), ['--version']) : undefined;
  const commit = firstLine('git', ['rev-parse', '--short', 'HEAD']);
  const changed = firstLine('git', ['status', '--porcelain']);
  return {
    kernel: os.release(),
    architecture: os.arch(),
    cpu: os.cpus()[0]?.model.trim(),
    cpus: os.cpus().length,
    memory_gib: Number((os.totalmem() / 2 ** 30).toFixed(1)),
    load_average: os.loadavg(),
    node: process.versions.node,
    bun: version('bun'),
    deno: version('deno')?.replace(/^deno /, ''),
    rustc: firstLine('rustc', ['--version']),
    commit: commit && (changed ? `${commit} with changes` : commit),
  };
}
