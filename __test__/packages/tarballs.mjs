// What is published, as tarballs.

import { mkdirSync, readdirSync } from 'node:fs';
import { builtTargets, packInto, targetNames } from '../../scripts/lib/pack.mjs';
import { inProject } from '../../scripts/lib/root.mjs';
import { must } from '../../scripts/lib/steps.mjs';

/**
 * Packs the packages of all platforms, and edgepoll, into `folder`. Returns the paths of the tarballs: edgepoll's comes last. The packages
 * of platforms that are not built have no addon. A package manager has to find them all the same, to leave them out.
 */
export async function packAll(folder) {
  const built = builtTargets();
  const packed = await packInto(`${folder}/built`, built);
  const others = targetNames.filter((name) => !built.includes(name));
  return [...(await packEmpty(`${folder}/empty`, others)), ...packed.map(({ tarball }) => tarball)];
}

async function packEmpty(folder, names) {
  mkdirSync(folder, { recursive: true });
  if (names.length === 0) return [];
  const folders = names.map((name) => inProject(`npm/${name}`));
  await must('npm', ['pack', '--pack-destination', folder, ...folders], 'keep');
  return readdirSync(folder).map((file) => `${folder}/${file}`);
}
