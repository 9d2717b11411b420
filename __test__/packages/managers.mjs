// Each package manager installs the package into an empty folder, and the first programs run.

import { deepStrictEqual, match, ok } from 'node:assert';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { targetNames } from '../../scripts/lib/addons.mjs';
import { runPrograms } from './programs.mjs';

/** The platform package of this machine. */
export const ours = `edgepoll-linux-${process.arch}-gnu`;
/** The platform packages of this machine's processor, for every C library. */
export const everyLibc = targetNames
  .filter((name) => name.startsWith(`linux-${process.arch}-`))
  .map((name) => `edgepoll-${name}`);

/** The platform packages in node_modules, or where a manager has them instead. */
export function installed(user, folder = 'node_modules') {
  const names = readdirSync(`${user.folder}/${folder}`).filter((name) =>
    name.startsWith('edgepoll-'),
  );
  return names.toSorted();
}

export async function npmInstall(user, ...options) {
  await user.run('npm', 'install', ...options, 'edgepoll');
}

async function withNpm(user, command, ...options) {
  await user.run(command, 'install', ...options, 'edgepoll');
  deepStrictEqual(installed(user), [ours]);
  await runPrograms(user, ['node']);
}

async function withPnpm(user) {
  await user.run('pnpm', 'add', 'edgepoll');
  deepStrictEqual(installed(user, 'node_modules/.pnpm').map(withoutVersion), [ours]);
  await runPrograms(user, ['node']);
}

async function withYarn1(user) {
  await user.run('yarn-1', 'add', 'edgepoll');
  deepStrictEqual(installed(user), everyLibc);
  await runPrograms(user, ['node']);
}

async function withYarn4(user) {
  user.env.YARN_NODE_LINKER = 'node-modules';
  await addWithYarn4(user);
  deepStrictEqual(installed(user), [ours]);
  await runPrograms(user, ['node']);
}

/** Plug'n'Play leaves packages in archives, except those that an addon is loaded from. */
async function withPlugAndPlay(user) {
  await addWithYarn4(user);
  ok(!existsSync(`${user.folder}/node_modules`));
  const [unplugged, ...others] = readdirSync(`${user.folder}/.yarn/unplugged`);
  match(unplugged, new RegExp(`^${ours}-npm-`));
  deepStrictEqual(others, []);
  await runPrograms(user, ['yarn-4', 'node']);
}

async function addWithYarn4(user) {
  writeFileSync(`${user.folder}/package.json`, '{ "private": true }');
  // A version that is not a day old is installed only if the user says so.
  match(await user.fails('yarn-4', 'add', 'edgepoll'), /quarantined/);
  user.env.YARN_NPM_MINIMAL_AGE_GATE = '0';
  await user.run('yarn-4', 'add', 'edgepoll');
}

async function withBun(user) {
  await user.run('bun', 'add', 'edgepoll');
  deepStrictEqual(installed(user), [ours]);
  await runPrograms(user, ['bun', 'run', '--no-install']);
}

/** No package that npm has installed has a script for the installation. */
function noInstallScripts(user) {
  for (const name of ['edgepoll', ours]) {
    const description = readFileSync(`${user.folder}/node_modules/${name}/package.json`, 'utf8');
    const { scripts = {} } = JSON.parse(description);
    deepStrictEqual(Object.keys(scripts), [], name);
  }
}

export function withoutVersion(name) {
  return name.replace(/@.*/, '');
}

export const managers = {
  npm: async (user) => {
    await withNpm(user, 'npm');
    noInstallScripts(user);
  },
  'npm-10': (user) => withNpm(user, 'npm-10', '--ignore-scripts'),
  pnpm: withPnpm,
  'yarn-1': withYarn1,
  'yarn-4': withYarn4,
  'yarn-4-pnp': withPlugAndPlay,
  bun: withBun,
};
