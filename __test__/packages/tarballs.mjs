// What is published, as tarballs.

import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import {
  ownAddon,
  packagesWithAddons,
  targetAddon,
  targetNames,
} from '../../scripts/lib/addons.mjs';
import { packInto, stageTarget } from '../../scripts/lib/pack.mjs';
import { inProject } from '../../scripts/lib/root.mjs';
import { must } from '../../scripts/lib/steps.mjs';
import { isStale } from '../../scripts/targets/build.mjs';
import { targetsNamed } from '../../scripts/targets/list.mjs';

/**
 * Packs all packages into `folder`. Returns the paths of the tarballs: those of platforms come first. The packages of platforms that are not
 * built have no addon. A package manager has to find them all the same, to leave them out.
 */
export async function packAll(folder) {
  const isBuilt = (target) => packagesWithAddons.every((one) => addonOf(target, one) !== undefined);
  const packed = await packInto(`${folder}/built`, targetNames.filter(isBuilt), {
    addonFile: addonOf,
  });
  const isPlatform = ({ name }) => targetNames.some((target) => name.endsWith(`-${target}`));
  return [
    ...(await packEmpty(
      folder,
      targetNames.filter((target) => !isBuilt(target)),
    )),
    ...packed.filter(isPlatform).map(({ tarball }) => tarball),
    ...packed.filter((one) => !isPlatform(one)).map(({ tarball }) => tarball),
  ];
}

/** An addon that is not older than its sources: the one to be published, else the clone's own. */
function addonOf(name, one) {
  const [target] = targetsNamed([name]);
  if (!isStale(target)) return inProject(targetAddon(name, one));
  const own = inProject(ownAddon(name, one));
  return existsSync(own) ? own : undefined;
}

async function packEmpty(folder, targets) {
  if (targets.length === 0) return [];
  const [stage, tarballs] = [`${folder}/stage`, `${folder}/empty`];
  for (const made of [stage, tarballs]) mkdirSync(made, { recursive: true });
  const places = packagesWithAddons.flatMap((one) =>
    targets.map((target) => stageTarget(stage, one, target)),
  );
  await must('npm', ['pack', '--pack-destination', tarballs, ...places], 'keep');
  return readdirSync(tarballs).map((file) => `${tarballs}/${file}`);
}
