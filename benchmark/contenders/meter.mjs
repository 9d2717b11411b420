// Shared by the JavaScript contenders of the readiness benchmark: the runner's commands, and the counting of events between
// two looks at the clock.

import { createInterface } from 'node:readline';

/**
 * @typedef {object} Report what one window cost the process, all threads
 * @property {number} count
 * @property {number} seconds
 * @property {number} user_us
 * @property {number} system_us
 */

export class Meter {
  /** Whether a window is open or warming up. */
  running = false;
  #count = 0;
  #stride;
  #nextLook = 0;
  #begin = 0;
  #end = 0;
  #measuring = false;
  #usage = process.cpuUsage();
  /** @type {(report: Report) => void} */
  #report = () => {};
  /** @type {() => void} */
  #resume = () => {};

  /** @param {number} stride events between two looks at the clock */
  constructor(stride) {
    this.#stride = stride;
  }

  /** @param {number} seconds @param {number} warmup @returns {Promise<Report>} resolves when the window is over */
  window(seconds, warmup) {
    this.running = true;
    this.#measuring = false;
    this.#count = 0;
    this.#nextLook = this.#stride;
    this.#begin = performance.now() + warmup * 1000;
    this.#end = this.#begin + seconds * 1000;
    this.#resume();
    return new Promise((resolve) => {
      this.#report = resolve;
    });
  }

  /** For a loop that waits between windows. @returns {Promise<void>} resolves when the next one begins */
  begun() {
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  /** Counts events. @param {number} events @returns {boolean} false once the window is over */
  add(events) {
    this.#count += events;
    if (this.#count >= this.#nextLook) this.#look();
    return this.running;
  }

  #look() {
    if (!this.running) return;
    const now = performance.now();
    this.#nextLook += this.#stride;
    if (!this.#measuring) {
      if (now < this.#begin) return;
      const length = this.#end - this.#begin;
      this.#measuring = true;
      this.#count = 0;
      this.#nextLook = this.#stride;
      this.#usage = process.cpuUsage();
      this.#begin = performance.now();
      this.#end = this.#begin + length;
    } else if (now >= this.#end) {
      const { user, system } = process.cpuUsage(this.#usage);
      this.running = false;
      this.#report({
        count: this.#count,
        seconds: (now - this.#begin) / 1000,
        user_us: user,
        system_us: system,
      });
    }
  }
}

/**
 * Says `ready`, then answers each `window SECONDS WARMUP [ACTIVE]` with its report. Ends the process with standard input.
 * @param {(seconds: number, warmup: number, active: number) => Promise<Report>} window
 */
export function serveWindows(window) {
  const serve = async (/** @type {string} */ line) => {
    const [name, seconds, warmup, active = '0'] = line.split(' ');
    if (name !== 'window') throw new Error(`not a command: '${line}'`);
    const report = await window(Number(seconds), Number(warmup), Number(active));
    process.stdout.write(`${JSON.stringify(report)}\n`);
  };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => void serve(line));
  lines.on('close', () => process.exit(0));
  process.stdout.write('ready\n');
}

/** The descriptors that `readiness hold` opened for this process. */
export function heldDescriptors() {
  /** @type {{ readers: number[], writers: number[], token: number[] }} */
  const { readers, writers, token } = JSON.parse(process.env.DESCRIPTORS ?? '');
  return { readers, writers, token: Uint8Array.from(token) };
}
