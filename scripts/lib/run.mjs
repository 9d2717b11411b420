// Runs a program and waits for it. The program never gets our standard input: the example `copy` reads that, and a
// step of the set-up must not take its first bytes.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { inProject } from './root.mjs';

/** Where a program's output goes: two descriptors, 'keep' to have it as text, 'tee' to show it too. */
export const toStdout = [1, 2];
export const toStderr = [2, 2];

/** Seconds without output after which one program of tests hangs. */
export const testSilence = 120;

const running = new Set();
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const graceMs = 3000;

/**
 * Resolves with `{ code, text, hung }`. The code is 1 for a program ended by a signal and 127 for one that could not be
 * started. `silence` needs 'keep' or 'tee': the program is stopped when it prints nothing for so many seconds. With
 * `isolated`, the program gets the variables of `env` alone. `onText` is called with all text so far and a function that
 * stops the program, each time it has printed something.
 */
export function run(command, args, options = {}) {
  const { cwd = inProject(), env, isolated, output = toStdout, silence, onText } = options;
  return new Promise((resolve) => {
    const isKept = output === 'tee' || output === 'keep';
    // It leads a process group, so that what it started can be ended with it.
    const child = spawn(command, args, {
      cwd,
      env: isolated ? env : { ...process.env, ...env },
      stdio: ['ignore', ...(isKept ? ['pipe', 'pipe'] : output)],
      detached: true,
    });
    if (running.size === 0) for (const signal of signals) process.on(signal, stopAll);
    running.add(child);

    let text = '';
    let hung = false;
    const silent = () => {
      hung = true;
      stop(child);
    };
    const timer = silence && setTimeout(silent, silence * 1000);
    const keep = (target) => (chunk) => {
      text += chunk;
      timer?.refresh();
      onText?.(text, () => stop(child));
      if (output === 'tee') target.write(chunk);
    };
    child.stdout?.setEncoding('utf8').on('data', keep(process.stdout));
    child.stderr?.setEncoding('utf8').on('data', keep(process.stderr));

    const end = (code) => {
      clearTimeout(timer);
      running.delete(child);
      if (running.size === 0) for (const signal of signals) process.off(signal, stopAll);
      // A program that failed may have left its own child processes running.
      if (code !== 0) kill(child, 'SIGKILL');
      resolve({ code: code ?? 1, text, hung });
    };
    child.on('error', (error) => {
      text += error.message;
      end(127);
    });
    child.on('close', end);
  });
}

/** Stops what runs. Ends this process too, unless it listens to the signal itself. */
function stopAll(signal) {
  for (const child of running) stop(child);
  if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
}

function stop(child) {
  // Our own scripts pass this on to what they run.
  kill(child, 'SIGTERM');
  setTimeout(() => kill(child, 'SIGKILL'), graceMs).unref();
}

function kill({ pid }, signal) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
