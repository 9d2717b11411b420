// Reads a server's memory, CPU time and descriptors, and the kernel's memory for TCP, four times a second.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const EVERY_MS = 250;
/** @param {string} name */
const configured = (name) => Number(execFileSync('getconf', [name], { encoding: 'utf8' }));
const TICKS_PER_SECOND = configured('CLK_TCK');
const PAGE = configured('PAGESIZE');

/**
 * @typedef {object} Sample
 * @property {number} at milliseconds, by the clock of `performance.now()`
 * @property {number} cpu seconds of CPU time since the start of the process
 * @property {number} rss bytes
 * @property {number} tcp bytes that the kernel holds for TCP, of the whole machine
 */

/** Bytes of the kernel's buffers of all TCP sockets. */
function tcpMemory() {
  const match = /^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'));
  if (!match) throw new Error('no memory of TCP in /proc/net/sockstat');
  return Number(match[1]) * PAGE;
}

/** @param {number} pid @returns {Sample} */
function sample(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    at: performance.now(),
    cpu: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    rss: Number(fields[21]) * PAGE,
    tcp: tcpMemory(),
  };
}

/**
 * Bytes that the kernel holds for the sockets of a server alone: received and not read, sent and not acknowledged, and reserved.
 * Not sampled, because listing ten thousand sockets takes a while.
 * @param {string} address the server's
 */
export function kernelMemory(address) {
  const port = address.slice(address.lastIndexOf(':') + 1);
  const filter = ['-tmnHO', 'state', 'all', `sport = :${port}`];
  const sockets = execFileSync('ss', filter, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  let bytes = 0;
  for (const [, received, reserved, sent] of sockets.matchAll(
    /skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f(\d+),w(\d+)/g,
  ))
    bytes += Number(received) + Number(reserved) + Number(sent);
  return bytes;
}

/** @param {number} pid */
export const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;

export class Sampler {
  /** @param {number} pid */
  constructor(pid) {
    this.#pid = pid;
    this.#take();
    this.#timer = setInterval(() => this.#take(), EVERY_MS);
  }

  #pid;
  #timer;
  /** Set when the process cannot be read any more. @type {unknown} */
  #error;
  /** @type {Sample[]} */
  samples = [];

  #take() {
    try {
      this.samples.push(sample(this.#pid));
    } catch (error) {
      this.#error = error;
      clearInterval(this.#timer);
    }
  }

  /** Ends sampling; fails if the server is gone. */
  stop() {
    clearInterval(this.#timer);
    if (this.#error !== undefined) throw this.#error;
    this.#take();
  }
}

/** The samples between two times. @param {Sample[]} samples @param {number} begin @param {number} end */
export const between = (samples, begin, end) =>
  samples.filter(({ at }) => at >= begin && at <= end);

/** The share of a CPU that was used. @param {Sample[]} samples */
export function cpuShare(samples) {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.at === first.at) return NaN;
  return (last.cpu - first.cpu) / ((last.at - first.at) / 1000);
}
