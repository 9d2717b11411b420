// Runs one child program and waits for it. Never gives it our stdin: the example `copy` reads
// that, and a set-up step must not take its first bytes. Used by the steps and the checks.

import { spawn } from 'node:child_process';
import { inProject } from './root.mjs';

const running = new Set();

/** Where a child's output goes: two descriptors, 'keep' to have it as text, 'tee' to show it too. */
export const toStdout = [1, 2];
export const toStderr = [2, 2];

/**
 * Ends with `{ code, text, timedOut }`; a child ended by a signal counts as code 1, one that could
 * not be started as 127. With a time limit the child leads its own process group, so that the
 * limit also ends what the child started.
 */
export function run(command, args, { cwd = inProject(), env, output = toStdout, seconds } = {}) {
  return new Promise((resolve) => {
    const isKept = output === 'tee' || output === 'keep';
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', ...(isKept ? ['pipe', 'pipe'] : output)],
      detached: seconds !== undefined,
    });
    const entry = { child, group: seconds !== undefined };
    running.add(entry);

    let text = '';
    let timedOut = false;
    const keep = (target) => (chunk) => {
      text += chunk;
      if (output === 'tee') target.write(chunk);
    };
    child.stdout?.setEncoding('utf8').on('data', keep(process.stdout));
    child.stderr?.setEncoding('utf8').on('data', keep(process.stderr));

    const timer =
      seconds === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            kill(entry);
          }, seconds * 1000);

    child.on('error', (error) => {
      clearTimeout(timer);
      running.delete(entry);
      resolve({ code: 127, text: text + error.message, timedOut });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      // A child that ended badly may leave helpers of its own behind.
      if (entry.group && code !== 0) kill(entry);
      running.delete(entry);
      resolve({ code: code ?? 1, text, timedOut });
    });
  });
}

/** Ends every child that still runs; for a script that was itself asked to stop. */
export function stopAll() {
  for (const entry of running) kill(entry);
}

function kill({ child, group }) {
  if (child.pid === undefined) return;
  try {
    process.kill(group ? -child.pid : child.pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
