// Wheels of PyPI, unpacked into a folder.

import { spawnSync } from 'node:child_process';
import { toStderr } from '../lib/run.mjs';
import { must } from '../lib/steps.mjs';
import { pypiVersions } from './pins.mjs';

/** What this machine lacks for wheels, or undefined. */
export function missingForPypi() {
  return spawnSync('python3', ['-m', 'pip', '--version']).status === 0
    ? undefined
    : 'pip was not found: install it (Debian: apt-get install python3-pip)';
}

/** Unpacks wheels into `folder`. `platform` is that of another machine, for example `musllinux_1_2_aarch64`. */
export async function unpackWheels(folder, packages, platform) {
  const wanted = packages.map((name) => `${name}==${pypiVersions[name]}`);
  const options = ['--target', folder, '--no-deps', '--only-binary', ':all:', '--quiet'];
  if (platform !== undefined) options.push('--platform', platform);
  const quietly = ['--disable-pip-version-check', '--root-user-action', 'ignore'];
  const advice = "check the network and pip's messages above, and run this again";
  const args = ['-m', 'pip', 'install', ...options, ...quietly, ...wanted];
  await must('python3', args, toStderr, advice);
}
