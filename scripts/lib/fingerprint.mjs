// Decides whether something built is still what its sources say. One job: a hash over the content
// of the sources, kept in build/.stamps. Content, not dates: a checkout or a copy changes dates,
// and a deleted source has none. Used by the steps only.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { inProject } from './root.mjs';

/** A hash of all files under `paths` (files or folders, relative to the project). */
export function fingerprint(paths) {
  const hash = createHash('sha256');
  hash.update(`${process.platform} ${process.arch}\n`);
  for (const path of paths) addPath(hash, path);
  return hash.digest('hex');
}

export function readStamp(name) {
  return readIfThere(stampPath(name))?.toString();
}

export function writeStamp(name, value) {
  mkdirSync(dirname(stampPath(name)), { recursive: true });
  writeFileSync(stampPath(name), value);
}

export function dropStamp(name) {
  rmSync(stampPath(name), { force: true });
}

function stampPath(name) {
  return inProject(`build/.stamps/${name}`);
}

function addPath(hash, path) {
  const stats = statSync(inProject(path), { throwIfNoEntry: false });
  if (stats?.isDirectory()) {
    for (const name of readdirSync(inProject(path)).toSorted()) {
      if (name !== 'node_modules') addPath(hash, `${path}/${name}`);
    }
    return;
  }
  const content = stats === undefined ? undefined : readFileSync(inProject(path));
  hash.update(`${path}\0${content?.length ?? 'absent'}\0`);
  if (content !== undefined) hash.update(content);
}

function readIfThere(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
