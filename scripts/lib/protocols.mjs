// The plug-ins in protocols/, as a clone builds them for itself. And the probe, a plug-in that misbehaves for the tests.

import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ownAddon, ownTarget, packagesWithAddons } from './addons.mjs';
import { loaderSources } from './loader.mjs';
import { inProject } from './root.mjs';

/** Their packages. */
export const plugins = packagesWithAddons.filter(({ feature }) => feature !== undefined);

/** The arguments with which cargo builds all of them as addons, and the probe. */
export const protocolCrates = [
  ...[...plugins.map(({ crate }) => crate), 'edgepoll-protocol-probe'].flatMap((crate) => [
    '-p',
    crate,
  ]),
  '--features',
  [...plugins.map(({ feature }) => feature), 'edgepoll-protocol-probe/node'].join(),
];

/** What they are built from, besides the declarations of edgepoll. */
export const protocolSources = [
  'Cargo.toml',
  'Cargo.lock',
  'crates/edgepoll-protocol',
  ...loaderSources,
  ...plugins.flatMap(({ folder }) =>
    ['src', 'Cargo.toml', 'package.json', 'tsconfig.json'].map((source) => `${folder}/${source}`),
  ),
];

/** Where a clone has the probe, and a user's project with specs, relative to either. */
export const probeFile = 'build/probe.node';
const probe = inProject(probeFile);

/** The packages that programs of the clone import, and where they lie: those of the plug-ins, and edgepoll, which these import. */
const links = [['edgepoll', '..'], ...plugins.map(({ name, folder }) => [name, `../${folder}`])];

/** Whether everything is there that the build makes. */
export function hasProtocols() {
  return (
    existsSync(probe) &&
    links.every(([name]) => existsSync(inProject(`node_modules/${name}/package.json`))) &&
    plugins.every(
      (one) =>
        existsSync(inProject(ownAddon(ownTarget(), one))) &&
        existsSync(inProject(`${one.folder}/dist`)),
    )
  );
}

/** Puts the addons that cargo has built into the plug-ins' folders, and links the packages. */
export function addProtocols() {
  const target = ownTarget();
  for (const one of plugins) takeBuilt(one.library, inProject(ownAddon(target, one)));
  for (const [link, place] of links) linkPackage(inProject(`node_modules/${link}`), place);
}

/** Puts the probe that cargo has built where its tests look. */
export function addProbe() {
  takeBuilt('edgepoll_protocol_probe', probe);
}

function takeBuilt(library, addon) {
  const target = resolve(inProject(), process.env.CARGO_TARGET_DIR || 'target');
  mkdirSync(dirname(addon), { recursive: true });
  // A program may have the old file mapped: it keeps that one.
  copyFileSync(`${target}/release/lib${library}.so`, `${addon}.new`);
  renameSync(`${addon}.new`, addon);
}

function linkPackage(path, place) {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  rmSync(path, { recursive: true, force: true });
  symlinkSync(place, path);
}
