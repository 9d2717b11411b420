// The plug-ins in protocols/: each folder there with a package.json is a crate and an npm package `edgepoll-NAME`. And the probe, a
// plug-in that misbehaves for the tests.

import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { inProject } from './root.mjs';

const folder = 'protocols';

/** Their names. */
export const protocols = readdirSync(inProject(folder))
  .filter((name) => existsSync(inProject(`${folder}/${name}/package.json`)))
  .toSorted();

/** The arguments with which cargo builds all of them as addons. */
export const protocolCrates = [
  ...[...protocols, 'protocol-probe'].flatMap((name) => ['-p', `edgepoll-${name}`]),
  '--features',
  [...protocols, 'protocol-probe'].map((name) => `edgepoll-${name}/node`).join(),
];

/** What they are built from, besides the declarations of edgepoll. */
export const protocolSources = [
  'Cargo.toml',
  'Cargo.lock',
  'crates/edgepoll-protocol',
  ...protocols.flatMap((name) =>
    ['src', 'Cargo.toml', 'package.json', 'tsconfig.json'].map(
      (source) => `${folder}/${name}/${source}`,
    ),
  ),
];

/** Where a clone has a plug-in's addon. */
const addonOf = (name) => inProject(`${folder}/${name}/native/edgepoll-${name}.node`);

/** Where a clone has the probe, for __test__/protocols/probe.spec.ts. */
const probe = inProject('build/probe.node');

/** The packages that programs of the clone import, and where they lie: those of the plug-ins, and edgepoll, which these import. */
const links = [
  ['edgepoll', '..'],
  ...protocols.map((name) => [`edgepoll-${name}`, `../${folder}/${name}`]),
];

/** Whether everything is there that the build makes. */
export function hasProtocols() {
  return (
    existsSync(probe) &&
    links.every(([name]) => existsSync(inProject(`node_modules/${name}/package.json`))) &&
    protocols.every(
      (name) => existsSync(addonOf(name)) && existsSync(inProject(`${folder}/${name}/dist`)),
    )
  );
}

/** Puts the addon that cargo has built into the plug-in's folder, and links the packages. */
export function addProtocol(name) {
  takeBuilt(name, addonOf(name));
  for (const [link, place] of links) linkPackage(inProject(`node_modules/${link}`), place);
}

/** Puts the probe that cargo has built where its tests look. */
export function addProbe() {
  takeBuilt('protocol_probe', probe);
}

function takeBuilt(name, addon) {
  const target = resolve(inProject(), process.env.CARGO_TARGET_DIR || 'target');
  mkdirSync(dirname(addon), { recursive: true });
  // A program may have the old file mapped: it keeps that one.
  copyFileSync(`${target}/release/libedgepoll_${name}.so`, `${addon}.new`);
  renameSync(`${addon}.new`, addon);
}

function linkPackage(path, place) {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  rmSync(path, { recursive: true, force: true });
  symlinkSync(place, path);
}
