// The runtimes that the package is tried under, and the package as its users get it. One job: what
// the scripts that run something under another runtime share. Takes Bun and Deno from benchmark/,
// where their versions are pinned, and starts their binaries directly: their own launchers need
// install scripts. Used by smoke.mjs and portable.mjs.

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
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

/** Installs what the named runtimes need. */
export async function requireRuntimes(names) {
  if (names.some((name) => name !== 'node') && !isInstalled('benchmark')) {
    await install('benchmark', toStderr);
  }
}

/** The environment in which a runtime says plainly what it does, and keeps what it stores in `folder`. */
export function plainEnv(folder) {
  return { NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', DENO_DIR: `${folder}/.deno` };
}

/** `folder` becomes a user's project with edgepoll in its node_modules, beside `others`: versions by name. */
export async function stagePackage(folder, others = {}) {
  const target = `${folder}/node_modules/edgepoll`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await must('npm', ['pack', '--silent', '--pack-destination', folder], toStderr);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  const into = ['-C', target, '--strip-components=1'];
  await must('tar', ['xzf', `${folder}/${tarball}`, ...into], toStderr);
  // Users get the addon from a package of its own, which exists only once it is published.
  for (const name of readdirSync(inProject('native')).filter((file) => file.endsWith('.node'))) {
    cpSync(inProject(`native/${name}`), `${target}/native/${name}`);
  }
  const { version, exports } = JSON.parse(readFileSync(`${target}/package.json`, 'utf8'));
  for (const path of Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? [entry] : Object.values(entry),
  )) {
    if (!existsSync(`${target}/${path}`)) {
      throw new SetupError(`the packed package lacks ${path}`);
    }
  }
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
