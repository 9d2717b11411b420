// What is published, as tarballs.

import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { packInto, targetNames } from '../../scripts/lib/pack.mjs';
import { inProject } from '../../scripts/lib/root.mjs';
import { must } from '../../scripts/lib/steps.mjs';
import { isStale } from '../../scripts/targets/build.mjs';
import { addonFile, targetsNamed } from '../../scripts/targets/list.mjs';

/**
 * Packs the packages of all platforms, and edgepoll, into `folder`. Returns the paths of the tarballs: edgepoll's comes last. The packages
 * of platforms that are not built have no addon. A package manager has to find them all the same, to leave them out.
 */
export async function packAll(folder) {
  const built = targetNames.filter((name) => addonOf(name) !== undefined);
  const packed = await packInto(`${folder}/built`, built, addonOf);
  const others = targetNames.filter((name) => !built.includes(name));
  return [...(await packEmpty(`${folder}/empty`, others)), ...packed.map(({ tarball }) => tarball)];
}

/** An addon that is not older than its sources: the one to be published, else the clone's own. */
function addonOf(name) {
  const [target] = targetsNamed([name]);
  if (!isStale(target)) return inProject(addonFile(target));
  const own = inProject(`native/edgepoll.${name}.node`);
  return existsSync(own) ? own : undefined;
}

async function packEmpty(folder, names) {
  mkdirSync(folder, { recursive: true });
  if (names.length === 0) return [];
  const folders = names.map((name) => inProject(`npm/${name}`));
  await must('npm', ['pack', '--pack-destination', folder, ...folders], 'keep');
  return readdirSync(folder).map((file) => `${folder}/${file}`);
}
