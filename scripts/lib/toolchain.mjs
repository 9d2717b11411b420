// Says in plain words what the machine lacks. One job: look at Node, Rust and the linker before a
// build fails on them with something obscure. Installs nothing. Used by the steps.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { inProject } from './root.mjs';

/** What went wrong, told to a person: printed without a stack. */
export class SetupError extends Error {
  name = 'SetupError';
}

export function requireNode() {
  if (process.platform !== 'linux') {
    throw new SetupError(`edgepoll runs on Linux only; this is ${process.platform}.`);
  }
  const { engines } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));
  const needed = engines.node.replace('>=', '');
  if (isOlder(process.versions.node, needed)) {
    throw new SetupError(`Node ${needed} or newer is needed; this is ${process.versions.node}.`);
  }
}

export function requireRust() {
  const needed = /^rust-version = "(.+)"$/m.exec(readFileSync(inProject('Cargo.toml'), 'utf8'))[1];
  for (const tool of ['cargo', 'rustc']) {
    const version = versionOf(tool);
    if (version === undefined) {
      throw new SetupError(
        `${tool} was not found. Install Rust ${needed} or newer (https://rustup.rs), make sure that ` +
          `${tool} is on the PATH, and run this again.`,
      );
    }
    if (isOlder(version, needed)) {
      throw new SetupError(`Rust ${needed} or newer is needed; ${tool} is ${version}.`);
    }
  }
  if (versionOf('cc') === undefined) {
    throw new SetupError(
      'cc was not found: Rust links with it. On Debian: apt-get install gcc libc6-dev',
    );
  }
}

function versionOf(tool) {
  const { status, stdout } = spawnSync(tool, ['--version'], { encoding: 'utf8' });
  return status === 0 ? (/\d+\.\d+(\.\d+)?/.exec(stdout)?.[0] ?? '') : undefined;
}

function isOlder(version, needed) {
  const [have, want] = [version, needed].map((text) => text.split('.').map(Number));
  for (const [index, number] of want.entries()) {
    if ((have[index] ?? 0) !== number) return (have[index] ?? 0) < number;
  }
  return false;
}
