// The kernel's buffers of a server: throughput of one connection over a path with a delay, and memory of the kernel under clients that
// flood or never read. The program `buffers` makes the path.

import path from 'node:path';
import { run } from './children.mjs';
import { BENCHMARK } from './prepare.mjs';
import { progress } from './progress.mjs';
import { fixed, table, whole } from './table.mjs';

/** Round trips in milliseconds. */
const TRIPS = [10, 50, 100];
/** The memory of the clients' kernel is on the same machine, so there are not more. */
const CLIENTS = 1000;
const UPLOADS = [
  { receiveBufferSize: 'auto' },
  ...[65_536, 131_072, 212_992, 1_048_576].map(receive),
];
const DOWNLOADS = [
  { maxUnsentAmount: 'auto' },
  { maxUnsentAmount: 65_536 },
  { maxUnsentAmount: 131_072 },
  { maxUnsentAmount: 'auto', sendBufferSize: 65_536 },
  { maxUnsentAmount: 'auto', sendBufferSize: 131_072 },
];

/** @param {number} receiveBufferSize */
function receive(receiveBufferSize) {
  return { receiveBufferSize };
}

/** @typedef {{ bytes_per_second: number, received: number, to_send: number, connections: number }} Outcome */

/** @param {import('./main.mjs').Setup} setup @returns {Promise<import('./main.mjs').Outcome>} */
export async function buffers({ options, buffers: program }) {
  const seconds = options.check ? 0.5 : options.seconds > 0.1 ? options.seconds : 6;
  const trips = options.check ? [2] : TRIPS;
  const clients = options.check ? 10 : CLIENTS;
  /** @type {Record<string, Record<string, Outcome>>} */
  const result = {};
  /** @param {object} sizes @param {string[]} settings */
  const measure = async (sizes, settings) => {
    const name = JSON.stringify(sizes);
    progress(`${settings.join(' ')} ${name}`);
    const server = [process.execPath, path.join(BENCHMARK, 'servers/buffers.mjs'), name];
    const output = await run(program, [...settings, '--', ...server], BENCHMARK);
    const outcome = /** @type {Outcome} */ (JSON.parse(output));
    (result[settings.join(' ')] ??= {})[name] = outcome;
    return outcome;
  };
  /** @param {string} mode @param {object[]} all */
  const throughput = async (mode, all) => {
    const rows = [];
    for (const sizes of all) {
      const row = [named(sizes)];
      for (const trip of trips) {
        const settings = ['--mode', mode, '--round-trip', `${trip}`, '--seconds', `${seconds}`];
        const { bytes_per_second: rate } = await measure(sizes, settings);
        if (!(rate > 0)) throw new Error(`${mode} with ${named(sizes)} moved nothing`);
        row.push(fixed(rate / 1e6, 1));
      }
      rows.push(row);
    }
    return table([`${mode}, MB/s`, ...trips.map((trip) => `${trip} ms`)], rows);
  };
  /** @param {string[]} modes @param {object[]} all @param {'received' | 'to_send'} what */
  const memory = async (modes, all, what) => {
    const rows = [];
    for (const sizes of all) {
      const row = [named(sizes)];
      for (const mode of modes) {
        const time = options.check ? '1' : '20';
        const load = ['--clients', `${clients}`, '--round-trip', '10', '--seconds', time];
        const { [what]: bytes, connections } = await measure(sizes, ['--mode', mode, ...load]);
        row.push(whole(bytes / Math.max(connections, 1) / 1024));
      }
      rows.push(row);
    }
    return table([`KiB of the kernel a connection`, ...modes], rows);
  };
  const tables = [
    await throughput('upload', UPLOADS),
    await throughput('download', DOWNLOADS),
    await memory(['unread', 'swell'], UPLOADS, 'received'),
    await memory(['deaf'], DOWNLOADS, 'to_send'),
  ];
  return { tables, bars: [], result };
}

/** @param {object} sizes */
function named(sizes) {
  return Object.entries(sizes)
    .map(([name, size]) => `${name} ${size}`)
    .join(', ');
}
