// One attack on one server: calm, attack, and the time after it.

import { setTimeout as sleep } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import { progress } from '../progress.mjs';
import { Server } from '../server-process.mjs';
import { startHostile, startWellBehaved } from './clients.mjs';
import { between, cpuShare, descriptors, kernelMemory, Sampler } from './sampler.mjs';

/** The well-behaved clients run for so long before anything counts. */
const WARM_UP_S = 1;
/** How long descriptors may take to be given back after the last client has left. */
const SETTLE_MS = 10_000;

/**
 * @typedef {{ count: number, p50: number, p99: number, max: number }} Latency milliseconds
 *
 * @typedef {object} Phase
 * @property {string} name
 * @property {number} begin seconds after the calm began
 * @property {Latency} lines
 * @property {number} unanswered
 * @property {number} lost
 * @property {number} cut
 * @property {Latency} fresh
 * @property {number} fresh_failed
 * @property {number} fresh_unanswered
 * @property {Record<string, number>} causes
 *
 * @typedef {object} Usage
 * @property {number} cpu share of a CPU
 * @property {number} rss bytes, the most
 * @property {number} tcp bytes, the most
 *
 * @typedef {object} Attacked
 * @property {string} server
 * @property {string[]} kinds
 * @property {number} clients
 * @property {Record<string, Phase>} phases calm, attack, settle, after
 * @property {Record<string, Usage>} usage by phase; `last` is the last second after the attack
 * @property {{ attack: number, after: number }} kernel bytes that the kernel holds for the server's sockets at the end of the attack, and after
 * @property {{ before: number, peak: number, after: number }} descriptors
 * @property {Record<string, unknown>} stats the server's own counters
 * @property {Record<string, Record<string, number>>} hostile what the hostile clients have counted, by kind
 * @property {{ at: number, lines: Latency, fresh: Latency, fresh_failed: number }[]} latencies over time
 * @property {{ at: number, cpu: number, rss: number, tcp: number }[]} resources over time
 */

/**
 * @param {import('../servers.mjs').ServerSpec} spec
 * @param {import('./main.mjs').Setup} setup
 * @param {string[]} kinds
 * @returns {Promise<Attacked>}
 */
export async function attack(spec, { options, programs }, kinds) {
  const { clients, seconds, calm, after, cpus } = options;
  const server = await Server.start(spec, cpus.server, { collecting: false });
  try {
    const before = descriptors(server.pid);
    const sampler = new Sampler(server.pid);
    const wellBehaved = startWellBehaved(programs.well_behaved, server.address, cpus.load);
    const failed = wellBehaved.failure();
    failed.catch(() => {});
    /** @param {number} time seconds */
    const pass = async (time) => {
      await Promise.race([sleep(time * 1000), failed]);
    };
    /** @type {[string, number][]} */
    const begins = [];
    /** @param {string} name */
    const begin = (name) => {
      progress(`${spec.name}: ${name}`);
      begins.push([name, performance.now()]);
      wellBehaved.say(name);
    };
    await pass(WARM_UP_S);
    begin('calm');
    await pass(calm);
    begin('attack');
    const hostile = startHostile(programs.hostile, server.address, cpus.load, {
      clients,
      kinds,
      seconds,
    });
    await pass(seconds);
    const peak = descriptors(server.pid);
    const kernel = kernelMemory(server.address);
    const counted = await hostile.finish();
    begin('settle');
    await pass(after / 2);
    begin('after');
    await pass(after / 2);
    const kernelAfter = kernelMemory(server.address);
    const end = performance.now();
    const { phases, series } = await wellBehaved.finish();
    sampler.stop();
    const given = await settled(server.pid, before);
    const { samples } = sampler;
    const origin = begins[0][1];
    return {
      server: spec.name,
      kinds,
      clients,
      phases: Object.fromEntries(phases.map((/** @type {Phase} */ phase) => [phase.name, phase])),
      usage: Object.fromEntries(
        [...begins, /** @type {[string, number]} */ (['last', end - 1000])].map(
          ([name, from], index) => {
            const until = name === 'last' ? end : (begins[index + 1]?.[1] ?? end);
            const own = between(samples, from, until);
            const most = (/** @type {'rss' | 'tcp'} */ what) =>
              Math.max(...own.map((one) => one[what]));
            return [name, { cpu: cpuShare(own), rss: most('rss'), tcp: most('tcp') }];
          },
        ),
      ),
      kernel: { attack: kernel, after: kernelAfter },
      descriptors: { before, peak, after: given },
      stats: await server.stats(),
      hostile: counted,
      latencies: series,
      resources: samples.slice(1).flatMap((one, index) => {
        const { at, rss, tcp } = one;
        const cpu = cpuShare([samples[index], one]);
        return at < origin ? [] : [{ at: (at - origin) / 1000, cpu, rss, tcp }];
      }),
    };
  } finally {
    await server.stop();
  }
}

/** The number of descriptors when it is that of before, or after a while. @param {number} pid @param {number} before */
async function settled(pid, before) {
  const until = performance.now() + SETTLE_MS;
  while (descriptors(pid) !== before && performance.now() < until) await sleep(100);
  return descriptors(pid);
}
