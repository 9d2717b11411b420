// Each package manager installs the package into an empty folder, and the first programs run.

import { deepStrictEqual, match, ok } from 'node:assert';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { targetNames } from '../../scripts/lib/pack.mjs';
import { runPrograms } from './programs.mjs';

/** The platform package of this machine. */
export const ours = `edgepoll-linux-${process.arch}-gnu`;
/** The platform packages of this machine's processor, for every C library. */
const everyLibc = targetNames
  .filter((name) => name.startsWith(`linux-${process.arch}-`))
  .map((name) => `edgepoll-${name}`);

/** The platform packages in node_modules. */
export function installed(user, folder = 'node_modules') {
  const names = readdirSync(`${user.folder}/${folder}`).filter((name) =>
    name.startsWith('edgepoll-'),
  );
  return names.toSorted();
}

export async function npmInstall(user, ...options) {
  await user.run('npm', 'install', ...options, 'edgepoll');
}

async function npm(user, command) {
  await user.run(command, 'install', 'edgepoll');
  deepStrictEqual(installed(user), [ours]);
  await runPrograms(user, ['node']);
}

export const managers = {
  npm: (user) => npm(user, 'npm'),
  'npm-10': (user) => npm(user, 'npm-10'),
  pnpm: async (user) => {
    await user.run('pnpm', 'add', 'edgepoll');
    deepStrictEqual(installed(user, 'node_modules/.pnpm').map(withoutVersion), [ours]);
    await runPrograms(user, ['node']);
  },
  'yarn-1': async (user) => {
    await user.run('yarn-1', 'add', 'edgepoll');
    deepStrictEqual(installed(user), everyLibc);
    await runPrograms(user, ['node']);
  },
  'yarn-4': async (user) => {
    user.env.YARN_NODE_LINKER = 'node-modules';
    writeFileSync(`${user.folder}/package.json`, '{ "private": true }');
    await addWithYarn4(user);
    deepStrictEqual(installed(user), [ours]);
    await runPrograms(user, ['node']);
  },
  'yarn-4-pnp': async (user) => {
    writeFileSync(`${user.folder}/package.json`, '{ "private": true }');
    await addWithYarn4(user);
    ok(!existsSync(`${user.folder}/node_modules`));
    deepStrictEqual(installed(user, '.yarn/unplugged').length, 1);
    await runPrograms(user, ['yarn-4', 'node']);
  },
  bun: async (user) => {
    await user.run('bun', 'add', 'edgepoll');
    deepStrictEqual(installed(user), [ours]);
    await runPrograms(user, ['bun', 'run', '--no-install']);
  },
  deno: async (user) => {
    match(await user.fails('deno', 'add', 'npm:edgepoll'), /minimum dependency age/);
    await user.run('deno', 'add', '--minimum-dependency-age=0', 'npm:edgepoll');
    await runPrograms(user, ['deno', 'run', '--allow-all']);
  },
};

// Before they are a day old, versions are installed only if the user says so.
async function addWithYarn4(user) {
  match(await user.fails('yarn-4', 'add', 'edgepoll'), /quarantined/);
  user.env.YARN_NPM_MINIMAL_AGE_GATE = '0';
  await user.run('yarn-4', 'add', 'edgepoll');
}

function withoutVersion(name) {
  return name.replace(/@.*/, '');
}
