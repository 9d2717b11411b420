// The packages of the two C libraries: that for musl in a root folder with musl alone, under Node.js and Bun, and each of them where
// the other is needed.

import { deepStrictEqual, strictEqual } from 'node:assert';
import { buildTarget, isStale } from '../../scripts/targets/build.mjs';
import { cached, isCached } from '../../scripts/targets/cache.mjs';
import { targetsNamed } from '../../scripts/targets/list.mjs';
import { missingFor } from '../../scripts/targets/toolchain.mjs';
import { refuses, saysWhy } from './broken.mjs';
import { installed, npmInstall, ours } from './managers.mjs';
import { inRoot, inside, missingForRoot, muslLibrary, muslRoot } from './musl-root.mjs';
import { missingToMount } from './namespaces.mjs';
import { addFixture, runPrograms } from './programs.mjs';

const [target] = targetsNamed(['linux-x64-musl']);
const muslPackage = `edgepoll-${target.name}`;

/** Why the cases cannot run here, or undefined. */
function missing() {
  return (
    missingToMount() ??
    (isStale(target) ? missingFor(target) : undefined) ??
    (isCached(muslRoot) ? undefined : missingForRoot())
  );
}

/** Builds the addon for musl and makes the root, if they are not there yet. */
async function prepare() {
  if (missing() !== undefined) return;
  await buildTarget(target);
  await cached(muslRoot, console.log);
}

async function installForMusl(user) {
  await npmInstall(user, '--libc=musl');
  deepStrictEqual(installed(user), [muslPackage]);
}

async function withNode(user) {
  await installForMusl(user);
  const command = [...inRoot(user), ...inside.node];
  await runPrograms(user, command);
  // Where the dynamic linker is a link to the library, as in Void Linux, the process has mapped the library by its own name.
  const linked = [...inRoot(user), muslLibrary, ...inside.node, addFixture(user, 'import.mjs')];
  strictEqual(await user.run(...linked), 'loaded\n');
}

async function withBun(user) {
  await installForMusl(user);
  await runPrograms(user, [...inRoot(user), ...inside.bun]);
}

async function glibcOnMusl(user) {
  await npmInstall(user);
  const help = new RegExp(`${muslPackage}.*only ${ours}:.*install`);
  const command = [...inRoot(user), ...inside.node, addFixture(user, 'import.mjs')];
  saysWhy(await user.run(...command), 'ERR_ADDON_MISSING', help);
}

async function muslOnGlibc(user) {
  await installForMusl(user);
  const help = new RegExp(`${ours}.*only ${muslPackage}:.*install`);
  await refuses(user, 'ERR_ADDON_MISSING', help);
}

export const musl = {
  'musl-node': { missing, prepare, run: withNode },
  'musl-bun': { missing, prepare, run: withBun },
  'glibc-on-musl': { missing, prepare, run: glibcOnMusl },
  'musl-on-glibc': { missing, prepare, run: muslOnGlibc },
};
