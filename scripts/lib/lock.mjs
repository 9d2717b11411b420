// One set-up at a time. One job: a lock file with the holder's pid, so that two examples started
// together on a fresh clone do not build into the same folder. Never waits for a dead holder.
// Used by setup.mjs and build.mjs.

import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { inProject } from './root.mjs';

const path = inProject('build/.setup.lock');

/** Runs `task` while no other process of this project does; `onWait(pid)` is told once. */
export async function alone(task, onWait) {
  mkdirSync(inProject('build'), { recursive: true });
  let told = false;
  for (let holder = take(); holder !== undefined; holder = take()) {
    if (isAlive(holder)) {
      if (!told) onWait(holder);
      told = true;
      await wait(200);
    } else {
      release();
    }
  }
  process.once('exit', release);
  try {
    return await task();
  } finally {
    process.off('exit', release);
    release();
  }
}

function release() {
  rmSync(path, { force: true });
}

/** The pid of the holder, or undefined when the lock is now ours. */
function take() {
  // Written aside and linked: a lock file that exists always has its whole content.
  const own = `${path}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, path);
    return undefined;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return readHolder();
  } finally {
    rmSync(own, { force: true });
  }
}

function readHolder() {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch (error) {
    // Released between our two looks: the next take() will see.
    if (error.code === 'ENOENT') return 0;
    throw error;
  }
}

function isAlive(pid) {
  if (pid === 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
