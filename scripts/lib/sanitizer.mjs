// Finds what AddressSanitizer needs on this machine, and says what is missing. Installs nothing.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** Why it cannot run here, or nothing. */
export function missingForAsan() {
  if (process.arch !== 'x64') return 'it is set up for x86-64';
  if (spawnSync('cargo', ['+nightly', '--version']).status !== 0)
    return 'it needs the nightly toolchain of Rust (rustup toolchain install nightly)';
  return asanRuntime() === undefined ? "it needs gcc's libasan (Debian: libgcc-12-dev)" : undefined;
}

/** The sanitizer's library, which must be loaded before everything else. */
export function asanRuntime() {
  const { stdout } = spawnSync('cc', ['-print-file-name=libasan.so'], { encoding: 'utf8' });
  const found = stdout?.trim() ?? '';
  return path.isAbsolute(found) && existsSync(found) ? found : undefined;
}
