// The packages that have a compiled addon, edgepoll and the protocols, and where their addons are.

import { existsSync, readdirSync } from 'node:fs';
import { inProject } from './root.mjs';
import { SetupError } from './toolchain.mjs';

const folder = 'protocols';

/** The protocols: each folder in protocols/ with a package.json is a crate and an npm package `edgepoll-NAME`. */
export const protocols = readdirSync(inProject(folder))
  .filter((name) => existsSync(inProject(`${folder}/${name}/package.json`)))
  .toSorted();

/**
 * The packages, edgepoll first: `{ name, folder, crate, library, feature }`, with the folder relative to the project and what cargo calls
 * the crate, its library, and the feature that makes it an addon.
 */
export const packagesWithAddons = [
  { name: 'edgepoll', folder: '.', crate: 'edgepoll-node', library: 'edgepoll_node' },
  ...protocols.map((name) => ({
    name: `edgepoll-${name}`,
    folder: `${folder}/${name}`,
    crate: `edgepoll-${name}`,
    library: `edgepoll_${name}`,
    feature: `edgepoll-${name}/node`,
  })),
];

/** The names of all targets. */
export const targetNames = readdirSync(inProject('npm')).toSorted();

/** The addon of a package for a target, as it is published, relative to the project. */
export function targetAddon(target, { name }) {
  return `npm/${target}/${name}.${target}.node`;
}

/** The addon of a package that a clone has built for itself, relative to the project. */
export function ownAddon(target, one) {
  return `${one.folder}/native/${one.name}.${target}.node`;
}

/** The target of this clone's own addons. */
export function ownTarget() {
  const [edgepoll] = packagesWithAddons;
  const own = targetNames.find((name) => existsSync(inProject(ownAddon(name, edgepoll))));
  if (own === undefined) throw new SetupError('native/ has no addon: run `npm run build:native`.');
  return own;
}

/** Where the addon of a package for a target is: in npm/, or where the clone has built it for itself; `undefined` if it is not built. */
export function builtAddon(target, one) {
  const files = [targetAddon(target, one), ownAddon(target, one)].map(inProject);
  return files.find((file) => existsSync(file));
}
