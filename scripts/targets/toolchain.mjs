// The compilers and linkers of the targets: zig, which links for every target and every glibc, and Debian's Rust with the
// source of its standard library, for targets that the installed Rust has no standard library of.

import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inProject } from '../lib/root.mjs';
import { missingRust } from '../lib/toolchain.mjs';
import { cached, cacheFolder, entry, isCached } from './cache.mjs';
import { hasNetwork, missingForDebian, unpackDebian } from './debian.mjs';
import { debianSuite, debianVersions, pypiVersions } from './pins.mjs';
import { missingForPypi, unpackWheels } from './pypi.mjs';

const linkers = ['ziglang', 'cargo-zigbuild'];
const zig = entry('zig', pick(pypiVersions, linkers), (folder) => unpackWheels(folder, linkers));

const rustPackages = ['rustc-web', 'cargo-web', 'rust-web-src'];
const rust = entry('rust', [debianSuite, pick(debianVersions, rustPackages)], async (folder) => {
  await unpackDebian(folder, 'amd64', rustPackages);
  writeStarter(folder, 'cargo');
  writeStarter(folder, 'rustc', '--sysroot "$root/usr"');
});

function pick(all, names) {
  return names.map((name) => [name, all[name]]);
}

/** Writes a script that starts a program of Debian's with the libraries of its own release, not the machine's. */
function writeStarter(folder, program, options = '') {
  const libraries = '"$root/usr/lib/x86_64-linux-gnu"';
  const loader = `"$root/usr/lib64/ld-linux-x86-64.so.2" --library-path ${libraries}`;
  const lines = [
    '#!/bin/sh',
    'root=$(dirname "$0")',
    `exec ${loader} "$root/usr/bin/${program}" ${options} "$@"`,
  ];
  writeFileSync(`${folder}/${program}`, `${lines.join('\n')}\n`);
  chmodSync(`${folder}/${program}`, 0o755);
}

/** What this machine lacks to build `target`, or undefined. */
export function missingFor(target) {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return 'targets are built on x64 machines with Linux';
  const parts = target.rust === 'debian' ? [zig, rust] : [zig];
  return (
    missingRust() ??
    missingTool('readelf', 'binutils') ??
    (parts.every(isCached) ? undefined : (missingForPypi() ?? missingForDebian() ?? offline()))
  );
}

function missingTool(tool, debianPackage) {
  return spawnSync(tool, ['--version']).status === 0
    ? undefined
    : `${tool} was not found: install it (Debian: apt-get install ${debianPackage})`;
}

function offline() {
  return hasNetwork() ? undefined : 'the toolchain is not in the cache, and Debian does not answer';
}

/** How to build for `target`: the program, the arguments before cargo's own, and the environment. */
export async function cargoFor(target, say) {
  const zigFolder = await cached(zig, say);
  const env = {
    CARGO_ZIGBUILD_CACHE_DIR: path.join(cacheFolder(), 'cargo-zigbuild'),
    CARGO_ZIGBUILD_ZIG_PATH: `${zigFolder}/ziglang/zig`,
    ZIG_GLOBAL_CACHE_DIR: path.join(cacheFolder(), 'zig-objects'),
  };
  const flags = remapped([
    [inProject().replace(/\/$/, ''), '.'],
    [cargoHome(), '/cargo'],
  ]);
  const args = ['zigbuild'];
  if (target.rust === 'debian') {
    const rustFolder = await cached(rust, say);
    Object.assign(env, { CARGO: `${rustFolder}/cargo`, RUSTC: `${rustFolder}/rustc` });
    // Debian's stable Rust compiles its own standard library, as a nightly one does.
    env.RUSTC_BOOTSTRAP = '1';
    args.push('-Zbuild-std=std,panic_unwind');
    flags.push(...remapped([[`${rustFolder}/usr/lib/rustlib/src/rust`, '/rust']]));
  }
  if (target.glibc === undefined) {
    // An addon shares the C library of the process.
    flags.push('-Ctarget-feature=-crt-static');
  }
  env.CARGO_ENCODED_RUSTFLAGS = flags.join('\x1f');
  return { program: `${zigFolder}/bin/cargo-zigbuild`, args, env };
}

/** Leaves paths of this machine out of what is built. */
function remapped(paths) {
  return paths.map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
}

function cargoHome() {
  return process.env.CARGO_HOME ?? `${process.env.HOME}/.cargo`;
}

/** What the installed Rust is, for targets that are built with it. */
export function installedRust() {
  const { stdout } = spawnSync('rustc', ['-vV'], { encoding: 'utf8' });
  return stdout ?? '';
}
