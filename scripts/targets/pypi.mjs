// Wheels of PyPI, unpacked into a folder.

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { run } from '../lib/run.mjs';
import { SetupError } from '../lib/toolchain.mjs';
import { pypiChecksums, pypiVersions } from './pins.mjs';

/** What this machine lacks for wheels, or undefined. */
export function missingForPypi() {
  return spawnSync('python3', ['-m', 'pip', '--version']).status === 0
    ? undefined
    : 'pip was not found: install it (Debian: apt-get install python3-pip)';
}

/**
 * Unpacks wheels into `folder`. `platform` is that of another machine, for example `musllinux_1_2_aarch64`. pip refuses a wheel
 * whose checksum is not in pins.mjs: what is published is built with some of them.
 */
export async function unpackWheels(folder, packages, platform) {
  const lines = packages.map((name) =>
    [
      `${name}==${pypiVersions[name]}`,
      ...pypiChecksums[name].map((checksum) => `--hash=sha256:${checksum}`),
    ].join(' '),
  );
  // pip takes checksums from a file alone.
  const list = `${folder}/requirements.txt`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(list, `${lines.join('\n')}\n`);
  const options = ['--target', folder, '--no-deps', '--only-binary', ':all:', '--quiet'];
  if (platform !== undefined) options.push('--platform', platform);
  const quietly = ['--disable-pip-version-check', '--root-user-action', 'ignore'];
  const args = ['-m', 'pip', 'install', '--require-hashes', ...options, ...quietly, '-r', list];
  const { code, text } = await run('python3', args, { output: 'keep' });
  if (code !== 0) {
    const advice = 'check the network and run this again.';
    throw new SetupError(
      `pip could not install ${packages.join(' and ')}: ${reasonIn(text)}: ${advice}`,
    );
  }
  rmSync(list);
}

/** pip's error in one line. After an error of the system it prints the stack of Python, whose last line is the error. */
function reasonIn(text) {
  const lines = text.trim().split('\n');
  return lines.find((line) => /^ERROR: (?!Exception:)/.test(line)) ?? lines.at(-1);
}
