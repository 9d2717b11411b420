import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The absolute path of `path`, given relative to the project's top folder: scripts work from any current directory. */
export function inProject(path = '') {
  return root + path;
}
