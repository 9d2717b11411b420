// The programs that the end-to-end test starts, each in the version that a lock file pins. They are started by their own files,
// because their launchers need install scripts.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { inProject } from '../../scripts/lib/root.mjs';
import { toStderr } from '../../scripts/lib/run.mjs';
import { requireRuntime, runtimes } from '../../scripts/lib/runtimes.mjs';
import { install, isInstalled } from '../../scripts/lib/steps.mjs';

const folder = '__test__/packages';
const pinned = JSON.parse(readFileSync(inProject(`${folder}/package.json`), 'utf8'));

/** The versions of Node.js under which users' programs run: the oldest and every even one since. */
export const nodeVersions = ['20', '22', '24', '26'];

/** The path of a file that npm installed with the tools. */
export function inTools(path) {
  return inProject(`${folder}/node_modules/${path}`);
}

/** The executable file of Node.js. */
export function nodePath(version) {
  return inTools(`${nodePackage(version)}/bin/node`);
}

/** The executable file of Bun or Deno. */
export function runtimePath(name) {
  return runtimes[name]()[0];
}

/** What this machine lacks to have the tools, or undefined. */
export function missingTools() {
  if (hasTools() && isInstalled('benchmark')) return undefined;
  const { verdaccio } = pinned.dependencies;
  const wanted = `verdaccio@${verdaccio}`;
  // Without retries, for which npm waits a minute.
  const args = ['view', wanted, 'version', '--fetch-retries=0'];
  const { status } = spawnSync('npm', args, { timeout: 60_000 });
  return status === 0
    ? undefined
    : `its tools are not installed, and npm reaches no registry that has ${wanted}`;
}

/** Installs what is missing. */
export async function requireTools() {
  if (!hasTools()) await install(folder, toStderr);
  await requireRuntime('bun');
  await requireRuntime('deno');
}

function nodePackage(version) {
  return `node-${version}-${process.arch}`;
}

function hasTools() {
  return isInstalled(folder) && nodeVersions.every(hasNode);
}

// npm leaves out an optional package without an error, and these are optional, because each is for one processor.
function hasNode(version) {
  const description = inTools(`${nodePackage(version)}/package.json`);
  if (!existsSync(description)) return false;
  const wanted = pinned.optionalDependencies[nodePackage(version)];
  return wanted.endsWith(`@${JSON.parse(readFileSync(description, 'utf8')).version}`);
}
