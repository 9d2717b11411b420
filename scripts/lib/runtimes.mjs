// The runtimes under which the package is tried, and the package as its users get it. Bun and Deno come from
// benchmark/, where their versions are pinned. Their binaries are started directly, because their own launchers need
// install scripts.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { targets } from '../targets/list.mjs';
import { nodeFor } from '../targets/runtime.mjs';
import { packInto, packOwn } from './pack.mjs';
import { inProject } from './root.mjs';
import { toStderr } from './run.mjs';
import { install, isInstalled, must } from './steps.mjs';
import { UsageError } from './usage.mjs';

/** What starts a script under each runtime; the script's path follows. */
export const runtimes = {
  node: () => [process.execPath],
  bun: () => [pinned(`@oven/bun-linux-${bunBuild()}/bin/bun`), 'run', '--no-install'],
  deno: () => [pinned(`@deno/linux-${byCpu('x64', 'arm64')}-glibc/deno`), 'run', '--allow-all'],
};

/** Installs what the runtime `name` needs. */
export async function requireRuntime(name) {
  if (!Object.hasOwn(runtimes, name ?? '')) {
    throw new UsageError(`name a runtime: ${Object.keys(runtimes).join(', ')}`);
  }
  if (name !== 'node' && !isInstalled('benchmark')) await install('benchmark', toStderr);
}

/**
 * Installs what the runtime or target `name` needs. Returns the command that starts a script under it, or under Node.js for that target; the
 * script's path follows.
 */
export async function commandFor(name) {
  const target = targets.find((one) => one.name === name);
  if (target !== undefined) return [await nodeFor(target)];
  if (!Object.hasOwn(runtimes, name ?? '')) {
    const names = [...Object.keys(runtimes), ...targets.map((one) => one.name)];
    throw new UsageError(`name a runtime or a target: ${names.join(', ')}`);
  }
  await requireRuntime(name);
  return runtimes[name]();
}

/** The environment in which a runtime says plainly what it does, and keeps what it stores in `folder`. */
export function plainEnv(folder) {
  return { NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', DENO_DIR: `${folder}/.deno` };
}

/**
 * Makes `folder` a user's project with edgepoll and a platform package in its node_modules: from the tarballs that would be published.
 * The platform is `target` if that names one, else this clone's. `others` are further dependencies: versions by name. `names` are the packages
 * to stage: edgepoll alone, or with protocols.
 */
export async function stagePackage(folder, others = {}, target, names = ['edgepoll']) {
  rmSync(folder, { recursive: true, force: true });
  const tarballs = `${folder}/tarballs`;
  const isOther = targets.some(({ name }) => name === target);
  const packed = await (isOther
    ? packInto(tarballs, [target], { names })
    : packOwn(tarballs, names));
  for (const { name, tarball } of packed) {
    const place = `${folder}/node_modules/${name}`;
    mkdirSync(place, { recursive: true });
    await must('tar', ['xzf', tarball, '-C', place, '--strip-components=1'], toStderr);
  }
  const { version } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));
  const versions = Object.fromEntries(names.map((name) => [name, version]));
  const dependencies = { ...versions, ...others };
  const project = { private: true, type: 'module', dependencies };
  writeFileSync(`${folder}/package.json`, JSON.stringify(project));
}

function pinned(path) {
  return createRequire(inProject('benchmark/package.json')).resolve(path);
}

function bunBuild() {
  const isOld = process.arch === 'x64' && !readFileSync('/proc/cpuinfo', 'utf8').includes(' avx2');
  return byCpu(isOld ? 'x64-baseline' : 'x64', 'aarch64');
}

function byCpu(x64, arm64) {
  return process.arch === 'arm64' ? arm64 : x64;
}
