// The package on file systems with mount options.

import { match } from 'node:assert';
import { refuses } from './broken.mjs';
import { npmInstall } from './managers.mjs';
import { missingToMount, mounting } from './namespaces.mjs';
import { addPrograms, runSmoke } from './programs.mjs';

/** The beginning of a command that runs with node_modules mounted with `option`. */
function mounted(option) {
  const mount = '/bin/mount';
  const options = `remount,bind,${option}`;
  const steps = [
    `${mount} --bind node_modules node_modules`,
    `${mount} -o ${options} node_modules`,
    'exec "$@"',
  ];
  return mounting(steps.join(' && '));
}

async function readOnly(user) {
  await npmInstall(user);
  addPrograms(user);
  const readable = mounted('ro');
  match(await user.fails(...readable, 'sh', '-c', ': >node_modules/file'), /Read-only/i);
  await runSmoke(user, [...readable, 'node']);
}

async function noexec(user) {
  await npmInstall(user);
  await refuses(user, 'ERR_ADDON_NOT_LOADED', /noexec/, { before: mounted('noexec') });
}

export const mounts = {
  'read-only': { missing: missingToMount, run: readOnly },
  noexec: { missing: missingToMount, run: noexec },
};
