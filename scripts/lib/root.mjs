// Finds files of the project, whatever the current directory is.

import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The absolute path of `path`, which is relative to the project's top folder. */
export function inProject(path = '') {
  return root + path;
}
