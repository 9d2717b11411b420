// The cache of toolchains, emulators and libraries: ${XDG_CACHE_HOME:-~/.cache}/edgepoll. Every clone of the project shares it.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import path from 'node:path';
import { isFull, SetupError } from '../lib/toolchain.mjs';

/** The folder of the cache. An XDG_CACHE_HOME that is not absolute counts as unset, as its specification says. */
export function cacheFolder() {
  const given = process.env.XDG_CACHE_HOME ?? '';
  return path.join(path.isAbsolute(given) ? given : path.join(homedir(), '.cache'), 'edgepoll');
}

/**
 * One thing in the cache: `make(fresh, folder)` fills `fresh`, which becomes
 * `folder` when it is whole. It is made anew when `contents` (versions, names) change.
 */
export function entry(name, contents, make) {
  const key = createHash('sha256').update(JSON.stringify(contents)).digest('hex').slice(0, 12);
  return { name, path: path.join(cacheFolder(), `${name}-${key}`), make };
}

export function isCached({ path: folder }) {
  return existsSync(folder);
}

/** Makes an entry that is not there yet. Returns its folder. */
export async function cached({ name, path: folder, make }, say) {
  if (existsSync(folder)) return folder;
  say(`targets: ${name} …`);
  const began = performance.now();
  makeCache();
  dropLeftBehind();
  const fresh = mkdtempSync(`${folder}.new-${process.pid}-${hostname()}-`);
  const drop = () => rmSync(fresh, { recursive: true, force: true });
  // A signal ends the process without the finally block.
  process.on('exit', drop);
  try {
    await make(fresh, folder);
    moveIntoPlace(fresh, folder);
  } catch (error) {
    if (!isFull(cacheFolder())) throw error;
    throw new SetupError(`the disk of ${cacheFolder()} is full: make room and run this again.`);
  } finally {
    process.off('exit', drop);
    drop();
  }
  say(`targets: ${name}: done in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return folder;
}

function moveIntoPlace(fresh, folder) {
  try {
    renameSync(fresh, folder);
  } catch (error) {
    // Another process has just made the same entry.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  }
}

/** Makes the folder of the cache. */
function makeCache() {
  try {
    makeFolder(cacheFolder());
  } catch ({ message }) {
    const advice = 'name another folder in XDG_CACHE_HOME.';
    throw new SetupError(`the cache ${cacheFolder()} cannot be made (${message}): ${advice}`);
  }
}

/** Makes a folder and those above it. Not by the option `recursive`, with which Node.js 20 tries for ever in /proc. */
function makeFolder(folder) {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process has just made it.
    if (error.code !== 'EEXIST') throw error;
  }
}

/** Removes the unfinished entries of processes that were killed. Those of another machine that shares the cache stay. */
function dropLeftBehind() {
  for (const name of readdirSync(cacheFolder())) {
    const [, pid, host] = /\.new-(\d+)-(.+)-\w{6}$/.exec(name) ?? [];
    if (host === hostname() && !isRunning(Number(pid)))
      rmSync(path.join(cacheFolder(), name), { recursive: true, force: true });
  }
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: another user's.
    return error.code !== 'ESRCH';
  }
}
