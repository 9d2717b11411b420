// zizmor of PyPI, which finds weak spots in the workflows of GitHub. It is in the cache of the targets' tools.

import { cached, entry, isCached } from '../targets/cache.mjs';
import { pypiVersions } from '../targets/pins.mjs';
import { missingForPypi, unpackWheels } from '../targets/pypi.mjs';

const zizmor = entry('zizmor', pypiVersions.zizmor, (folder) => unpackWheels(folder, ['zizmor']));

/** What this machine lacks to run it, or undefined. */
export function missingForZizmor() {
  return isCached(zizmor) ? undefined : missingForPypi();
}

/** Its executable file. */
export async function zizmorPath() {
  return `${await cached(zizmor, console.log)}/bin/zizmor`;
}
