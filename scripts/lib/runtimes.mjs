// The runtimes under which the package is tried, and the package as its users get it. Bun and Deno come from
// benchmark/, where their versions are pinned. Their binaries are started directly, because their own launchers need
// install scripts.

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inProject } from './root.mjs';
import { toStderr } from './run.mjs';
import { install, isInstalled, must } from './steps.mjs';
import { SetupError } from './toolchain.mjs';

/** What starts a script under each runtime; the script's path follows. */
export const runtimes = {
  node: () => [process.execPath],
  bun: () => [pinned(`@oven/bun-linux-${bunBuild()}/bin/bun`), 'run', '--no-install'],
  deno: () => [pinned(`@deno/linux-${byCpu('x64', 'arm64')}-glibc/deno`), 'run', '--allow-all'],
};

/** Installs what the runtime `name` needs. */
export async function requireRuntime(name) {
  if (!Object.hasOwn(runtimes, name ?? '')) {
    throw new SetupError(`name a runtime: ${Object.keys(runtimes).join(', ')}`);
  }
  if (name !== 'node' && !isInstalled('benchmark')) await install('benchmark', toStderr);
}

/** The environment in which a runtime says plainly what it does, and keeps what it stores in `folder`. */
export function plainEnv(folder) {
  return { NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', DENO_DIR: `${folder}/.deno` };
}

/** Packs the package into `folder`. Returns the path of the tarball. */
export async function pack(folder) {
  await must('npm', ['pack', '--silent', '--pack-destination', folder], toStderr);
  return `${folder}/${readdirSync(folder).find((name) => name.endsWith('.tgz'))}`;
}

/** Makes `folder` a user's project with edgepoll in its node_modules. `others` are further dependencies: versions by name. */
export async function stagePackage(folder, others = {}) {
  const target = `${folder}/node_modules/edgepoll`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const tarball = await pack(folder);
  await must('tar', ['xzf', tarball, '-C', target, '--strip-components=1'], toStderr);
  // Users get the addon from a package of its own, which exists only once it is published.
  for (const name of readdirSync(inProject('native')).filter((file) => file.endsWith('.node'))) {
    cpSync(inProject(`native/${name}`), `${target}/native/${name}`);
  }
  const { version } = JSON.parse(readFileSync(`${target}/package.json`, 'utf8'));
  const dependencies = { edgepoll: version, ...others };
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
