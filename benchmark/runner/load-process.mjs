// A load generator on one server, pinned to its CPU: opens its connections, runs windows, closes them.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { start, stop } from './children.mjs';

/** The time limit of opening connections and of the last replies. The load itself fails after 5 s of silence. */
const PATIENCE_MS = 30_000;

/**
 * @typedef {object} Usage
 * @property {number} cpu_ns
 * @property {number} user_ticks since the process started
 * @property {number} system_ticks since the process started
 * @property {number} waited_ns
 * @property {number} rss_bytes
 *
 * @typedef {object} LoadReport
 * @property {number} count
 * @property {number} seconds
 * @property {number} rate
 * @property {number} p50_ns
 * @property {number} p99_ns
 * @property {number} max_ns
 * @property {Usage} server
 * @property {number} server_rss_before
 * @property {Usage} load
 *
 * @typedef {object} LoadSettings
 * @property {'echo' | 'churn' | 'websocket'} mode
 * @property {number} connections
 * @property {number} [size]
 * @property {number} [inFlight]
 * @property {number} [verify]
 * @property {boolean} [reset]
 * @property {boolean} [text]
 *
 * @typedef {{ program: string, cpu: number }} LoadProgram
 */

export class Load {
  /** @param {import('node:child_process').ChildProcess} child @param {string} serverName */
  constructor(child, serverName) {
    const { stdin, stdout, stderr } = child;
    if (!stdin || !stdout || !stderr) throw new Error('no pipes to the load');
    this.#child = child;
    this.#serverName = serverName;
    this.#stdin = stdin;
    // The load may end before it has read a command. Its exit code then says more than EPIPE.
    stdin.on('error', () => {});
    createInterface({ input: stdout }).on('line', (line) => this.#say(line));
    createInterface({ input: stderr }).on('line', (line) => {
      if (['ready', 'begin', 'end'].includes(line)) this.#say(line);
      else this.#complaints.push(line);
    });
    this.#closed = once(child, 'close');
    this.#closed.catch(() => {});
  }

  #child;
  #serverName;
  #stdin;
  #closed;
  /** @type {string[]} */
  #complaints = [];
  /** @type {((line: string) => void) | undefined} */
  #listener;

  /**
   * Resolves when all connections are open and have been answered.
   * @param {LoadProgram} program
   * @param {import('./server-process.mjs').Server} server
   * @param {LoadSettings} settings
   */
  static async open({ program, cpu }, server, settings) {
    const { mode, connections, size, inFlight, verify, reset, text } = settings;
    const args = ['-c', String(cpu), program, '--address', server.address, '--mode', mode];
    args.push('--connections', String(connections), '--server-pid', String(server.pid));
    if (size !== undefined) args.push('--size', String(size));
    if (inFlight !== undefined) args.push('--in-flight', String(inFlight));
    if (reset === true) args.push('--reset');
    if (text === true) args.push('--text');
    if (verify !== undefined) args.push('--verify', String(verify));
    const load = new Load(start('taskset', args, { stdio: ['pipe', 'pipe', 'pipe'] }), server.name);
    try {
      await load.#next(PATIENCE_MS);
    } catch (error) {
      await stop(load.#child);
      throw error;
    }
    return load;
  }

  /** @param {string} line */
  #say(line) {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.(line);
  }

  /** @param {number} timeout @returns {Promise<string>} the next thing that the load says */
  async #next(timeout) {
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`the load on ${this.#serverName} is silent`)),
        timeout,
      );
    });
    const ended = this.#closed.then(([code, signal]) => {
      throw new Error(
        `the load on ${this.#serverName} ended (${signal ?? `exit code ${code}`}): ${this.#complaints.join('; ') || 'no message'}`,
      );
    });
    const line = new Promise((resolve) => (this.#listener = resolve));
    try {
      return await Promise.race([line, ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** One timed window. @param {number} seconds @param {number} warmup @returns {Promise<LoadReport>} */
  async window(seconds, warmup) {
    const report = this.#next((seconds + warmup) * 1000 + PATIENCE_MS);
    this.#stdin.write(`window ${seconds} ${warmup}\n`);
    return JSON.parse(await report);
  }

  /**
   * One window with the load at rest while `begin` and `end` run.
   * @param {number} seconds
   * @param {number} warmup
   * @param {{ begin(): Promise<void>, end(): Promise<void> }} tool
   * @returns {Promise<LoadReport>}
   */
  async count(seconds, warmup, tool) {
    let line = this.#next(warmup * 1000 + PATIENCE_MS);
    this.#stdin.write(`count ${seconds} ${warmup}\n`);
    await line;
    await tool.begin();
    line = this.#next(seconds * 1000 + PATIENCE_MS);
    this.#stdin.write('\n');
    await line;
    await tool.end();
    const report = this.#next(PATIENCE_MS);
    this.#stdin.write('\n');
    return JSON.parse(await report);
  }

  /** Closes the connections. */
  async close() {
    this.#stdin.end();
    const [code, signal] = await this.#closed;
    if (code !== 0) {
      const message = this.#complaints.join('; ') || 'no message';
      throw new Error(
        `the load on ${this.#serverName} failed (${signal ?? `exit code ${code}`}): ${message}`,
      );
    }
  }
}
