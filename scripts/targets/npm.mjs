// A package of npm for another platform, unpacked into a folder: npm install would refuse it.

import { readdirSync, rmSync } from 'node:fs';
import { toStderr } from '../lib/run.mjs';
import { must } from '../lib/steps.mjs';
import { npmVersions } from './pins.mjs';

/** Unpacks the package `name` into `folder`. */
export async function unpackNpm(folder, name) {
  const advice = "check the network and npm's messages above, and run this again";
  const wanted = `${name}@${npmVersions[name]}`;
  const options = ['--silent', '--pack-destination', folder];
  await must('npm', ['pack', wanted, ...options], 'keep', advice);
  const tarball = `${folder}/${readdirSync(folder).find((file) => file.endsWith('.tgz'))}`;
  await must('tar', ['xzf', tarball, '-C', folder, '--strip-components=1'], toStderr);
  rmSync(tarball);
}
