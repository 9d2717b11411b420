// Starts every process of the benchmark, and ends those that still run on a normal end, an error and Ctrl-C, each by its pid.
// It never ends a process that was not started here.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const [signal, number] of /** @type {const} */ ([
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
])) {
  process.on(signal, () => process.exit(128 + number));
}

/** @param {string} file @param {string[]} args @param {import('node:child_process').SpawnOptions} options */
export function start(file, args, options) {
  const child = spawn(file, args, options);
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

/** Ends a process: by SIGTERM, and after two seconds by SIGKILL. @param {import('node:child_process').ChildProcess} child */
export async function stop(child) {
  const neverStarted = child.pid === undefined;
  if (neverStarted || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
  await exited;
  clearTimeout(timer);
}

/**
 * Runs a command to its end, its messages on our standard error.
 * @param {string} file
 * @param {string[]} args
 * @param {string} cwd
 * @param {'inherit' | 'ignore'} messages `ignore`: they are not shown
 * @param {Record<string, string>} env in addition to ours
 * @returns {Promise<string>} what it wrote to standard output
 */
export async function run(file, args, cwd, messages = 'inherit', env = {}) {
  const child = start(file, args, {
    cwd,
    stdio: ['ignore', 'pipe', messages],
    env: { ...process.env, ...env },
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => (output += text));
  const [code, signal] = await once(child, 'close');
  if (code !== 0)
    throw new Error(`${file} ${args.join(' ')} failed (${signal ?? `exit code ${code}`})`);
  return output;
}
