// One program of the readiness benchmark: starts it, sends it commands, reads its answers, ends it.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { start, stop } from '../children.mjs';

/** The time limit of starting, of opening 10,000 descriptors or connections, and of the last event. */
const PATIENCE_MS = 30_000;

export class Contender {
  /** @param {string} name @param {import('node:child_process').ChildProcess} child */
  constructor(name, child) {
    if (!child.stdin || !child.stdout) throw new Error(`no pipes to ${name}`);
    this.name = name;
    this.#child = child;
    this.#stdin = child.stdin;
    // It may end before it has read a command. Its exit code then says more than EPIPE.
    this.#stdin.on('error', () => {});
    createInterface({ input: child.stdout }).on('line', (line) => this.#answer?.(line));
    this.#closed = once(child, 'close');
    this.#closed.catch(() => {});
  }

  #child;
  #stdin;
  #closed;
  /** @type {((line: string) => void) | undefined} */
  #answer;

  /**
   * Resolves when it is ready.
   * @param {string} name
   * @param {string[]} command
   * @param {number | undefined} cpu undefined: any CPU
   * @param {string} cwd
   */
  static async open(name, command, cpu, cwd) {
    const [file, ...args] =
      cpu === undefined ? command : ['taskset', '-c', String(cpu), ...command];
    const child = start(file, args, { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
    const contender = new Contender(name, child);
    try {
      const line = await contender.#next(PATIENCE_MS);
      if (line !== 'ready') throw new Error(`${name} said '${line}' instead of 'ready'`);
    } catch (error) {
      await stop(child);
      throw error;
    }
    return contender;
  }

  /** @param {number} timeout @returns {Promise<string>} the next line that it says */
  async #next(timeout) {
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.name} is silent`)), timeout);
    });
    const ended = this.#closed.then(([code, signal]) => {
      throw new Error(`${this.name} ended (${signal ?? `exit code ${code}`})`);
    });
    const line = new Promise((resolve) => {
      this.#answer = resolve;
    });
    try {
      return await Promise.race([line, ended, late]);
    } finally {
      clearTimeout(timer);
      this.#answer = undefined;
    }
  }

  /** @param {string} command @param {number} seconds its intended length @returns {Promise<unknown>} its report */
  async ask(command, seconds) {
    const report = this.#next(seconds * 1000 + PATIENCE_MS);
    this.#stdin.write(`${command}\n`);
    return JSON.parse(await report);
  }

  async stop() {
    await stop(this.#child);
  }
}

/**
 * @typedef {object} Spec
 * @property {string} name
 * @property {string[]} command
 */

/**
 * Opens contenders one after another, calls `use` with them, and stops them even if it fails.
 * @template T
 * @param {(() => Promise<Contender>)[]} openers
 * @param {(contenders: Contender[]) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withContenders(openers, use) {
  /** @type {Contender[]} */
  const contenders = [];
  try {
    for (const open of openers) contenders.push(await open());
    return await use(contenders);
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}
