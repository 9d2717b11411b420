// Where the project lies. One job: turn a path inside the project into an absolute one, so that
// every script works from any current directory. Used by all other scripts.

import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The absolute path of `path`, given relative to the project's top folder. */
export function inProject(path = '') {
  return root + path;
}
