// Deno installs the package, into its own folder or into node_modules, and runs it with the permissions that README.md names.

import { deepStrictEqual, match } from 'node:assert';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { saysWhy } from './broken.mjs';
import { everyLibc, installed, withoutVersion } from './managers.mjs';
import { addFixture, runPrograms, runServer } from './programs.mjs';

async function add(user) {
  // A version that is not a day old is installed only if the user says so.
  match(await user.fails('deno', 'add', 'npm:edgepoll'), /minimum dependency age/);
  await user.run('deno', 'add', '--minimum-dependency-age=0', 'npm:edgepoll');
}

/** Without package.json, packages are in Deno's own folder. */
async function inOwnFolder(user) {
  await add(user);
  const npm = `${user.home}/.cache/deno/npm`;
  const [registry] = readdirSync(npm);
  const names = readdirSync(`${npm}/${registry}`).filter((name) =>
    hasVersion(`${npm}/${registry}/${name}`),
  );
  deepStrictEqual(names.toSorted(), ['edgepoll', ...everyLibc]);
  await runPrograms(user, ['deno', 'run', '--allow-all']);
  await asksFor(user, '--allow-read', ['--allow-ffi']);
  await asksFor(user, '--allow-ffi', [`--allow-read=${npm}`]);
  await runServer(user, ['deno', 'run', '--allow-ffi', `--allow-read=${npm}`]);
  await doesNotAsk(user, ['--allow-ffi', `--allow-read=${npm}`]);
}

/** With package.json, they are in node_modules. */
async function inNodeModules(user) {
  writeFileSync(`${user.folder}/package.json`, '{ "private": true }');
  await add(user);
  deepStrictEqual(installed(user, 'node_modules/.deno').map(withoutVersion), everyLibc);
  await runPrograms(user, ['deno', 'run', '--allow-all']);
  await runServer(user, ['deno', 'run', '--allow-ffi', '--allow-read=node_modules']);
}

/** The import fails with one line that names the missing permission. */
async function asksFor(user, permission, given) {
  const text = await user.run('deno', 'run', ...given, addFixture(user, 'import.mjs'));
  saysWhy(text, 'ERR_ADDON_REFUSED', new RegExp(permission));
}

/** With these permissions, the import works at a terminal too, and Deno asks for no other one there. */
async function doesNotAsk(user, given) {
  const command = ['deno', 'run', ...given, addFixture(user, 'import.mjs')].join(' ');
  match(await user.run('script', '-qec', command, '/dev/null'), /^loaded\r\n$/);
}

/** A folder of Deno's has the versions that were downloaded, beside what the registry says of the package. */
function hasVersion(folder) {
  return readdirSync(folder).some((name) => existsSync(`${folder}/${name}/package.json`));
}

export const deno = { deno: inOwnFolder, 'deno-node-modules': inNodeModules };
