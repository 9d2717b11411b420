// A running server: starts it pinned to its CPU, learns its address, makes it collect garbage, reads its memory, stops it.

import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { start, stop } from './children.mjs';
import { ROOT } from './prepare.mjs';

const START_TIMEOUT_MS = 15_000;
const COLLECT_TIMEOUT_MS = 30_000;

export class Server {
  /** @param {string} name @param {import('node:child_process').ChildProcess} child @param {boolean} collects */
  constructor(name, child, collects) {
    this.name = name;
    this.address = '';
    this.pid = 0;
    this.#child = child;
    this.#collects = collects;
  }

  #child;
  #collects;
  /** Takes the next line. @type {((line: string) => void) | undefined} */
  #onLine;

  /** @param {import('./servers.mjs').ServerSpec} spec @param {number} cpu @param {{ collecting: boolean }} mode */
  static async start(spec, cpu, mode) {
    const collecting = mode.collecting ? spec.collecting : undefined;
    const command = collecting ?? spec.command;
    const child = start('taskset', ['-c', String(cpu), ...command], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const server = new Server(spec.name, child, collecting !== undefined);
    if (child.stdout === null) throw new Error('no pipe from the server');
    createInterface({ input: child.stdout }).on('line', (line) => server.#onLine?.(line));
    try {
      await server.#announced();
    } catch (error) {
      await stop(child);
      throw error;
    }
    return server;
  }

  async #announced() {
    const line = await this.#line(START_TIMEOUT_MS, 'did not say where it listens');
    const match = /^listening on (\S+:\d+) pid (\d+)$/.exec(line);
    if (!match) {
      throw new Error(`${this.name} said '${line}' instead of 'listening on HOST:PORT pid PID'`);
    }
    this.address = match[1];
    this.pid = Number(match[2]);
    // CPU time, memory and calls are read from this one process.
    if (this.pid !== this.#child.pid) {
      throw new Error(`${this.name} serves in another process than the one that was started`);
    }
  }

  /** @param {number} timeout @param {string} failure @returns {Promise<string>} the next line of standard output */
  async #line(timeout, failure) {
    const signal = AbortSignal.timeout(timeout);
    const line = new Promise((resolve) => (this.#onLine = resolve));
    const ended = once(this.#child, 'exit', { signal }).then(([code, name]) => {
      throw new Error(`${this.name} ended (${name ?? `exit code ${code}`}) and ${failure}`);
    });
    try {
      return await Promise.race([line, ended]);
    } catch (error) {
      if (signal.aborted)
        throw new Error(`${this.name} ${failure} within ${timeout / 1000} s`, { cause: error });
      throw error;
    } finally {
      this.#onLine = undefined;
      ended.catch(() => {});
    }
  }

  /** Makes the server collect its garbage, if it has any. */
  async collect() {
    if (!this.#collects) return;
    const answer = this.#line(COLLECT_TIMEOUT_MS, 'did not collect its garbage');
    process.kill(this.pid, 'SIGUSR2');
    const line = await answer;
    if (line !== 'collected') throw new Error(`${this.name} said '${line}' instead of 'collected'`);
  }

  /** Makes a server of the attack benchmark say its counters. @returns {Promise<Record<string, unknown>>} */
  async stats() {
    const answer = this.#line(COLLECT_TIMEOUT_MS, 'did not say its counters');
    process.kill(this.pid, 'SIGUSR2');
    const line = await answer;
    const match = /^stats (\{.*\})$/.exec(line);
    if (!match) throw new Error(`${this.name} said '${line}' instead of 'stats {…}'`);
    return JSON.parse(match[1]);
  }

  /** @returns {{ rss: number, pss: number, anonymous: number }} bytes */
  memory() {
    const text = readFileSync(`/proc/${this.pid}/smaps_rollup`, 'utf8');
    /** @param {string} name */
    const bytes = (name) => {
      const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text);
      if (!match) throw new Error(`no ${name} in smaps_rollup`);
      return Number(match[1]) * 1024;
    };
    return { rss: bytes('Rss'), pss: bytes('Pss'), anonymous: bytes('Anonymous') };
  }

  /** @returns {number} how often its threads have gone to sleep so far; each sleep is one wake-up */
  sleeps() {
    let sum = 0;
    for (const task of readdirSync(`/proc/${this.pid}/task`)) {
      const status = readFileSync(`/proc/${this.pid}/task/${task}/status`, 'utf8');
      sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    }
    return sum;
  }

  /** @returns {number} open descriptors */
  descriptors() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  async stop() {
    await stop(this.#child);
  }
}
