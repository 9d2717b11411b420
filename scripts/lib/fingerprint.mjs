// Says whether something built is still what its sources say: a hash over their content, kept in build/.stamps.
// Dates are not used, because a checkout or a copy changes them, and a deleted source has none.

import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { inProject } from './root.mjs';

const stamps = 'build/.stamps';
const stampPath = (name) => inProject(`${stamps}/${name}`);

/** A hash of all files under `paths` (files or folders, relative to the project), without installed packages. */
export function fingerprint(paths) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  for (const file of paths.flatMap(filesOf)) {
    const content = existsSync(inProject(file)) ? readFileSync(inProject(file)) : 'absent';
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

export function readStamp(name) {
  return existsSync(stampPath(name)) ? readFileSync(stampPath(name), 'utf8') : undefined;
}

export function writeStamp(name, value) {
  mkdirSync(inProject(stamps), { recursive: true });
  writeFileSync(stampPath(name), value);
}

export function dropStamp(name) {
  rmSync(stampPath(name), { force: true });
}

function filesOf(path) {
  if (!statSync(inProject(path), { throwIfNoEntry: false })?.isDirectory()) return [path];
  const names = readdirSync(inProject(path)).filter((name) => name !== 'node_modules');
  return names.toSorted().flatMap((name) => filesOf(`${path}/${name}`));
}
