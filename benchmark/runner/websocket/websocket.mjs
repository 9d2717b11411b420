// The WebSocket benchmark: echo of short and long messages, texts and binary ones, over 64 connections.

import { measure } from '../rounds.mjs';
import { median, spread } from '../statistics.mjs';
import { fixed, range, table, whole } from '../table.mjs';
import { withServers } from '../with-servers.mjs';
import { judge } from './bars.mjs';
import { BUN, websocketServers, WS } from './servers.mjs';

const CONNECTIONS = 64;
const SCENARIOS = [
  { id: 'text 64 B', size: 64, text: true },
  { id: 'text 16 KiB', size: 16_384, text: true },
  { id: 'binary 64 B', size: 64, text: false },
  { id: 'binary 16 KiB', size: 16_384, text: false },
];

/** @typedef {{ id: string, raw: import('../rounds.mjs').Raw }} Measured */

/** @param {import('../main.mjs').Setup} setup @returns {Promise<import('../main.mjs').Outcome>} */
export async function websocket(setup) {
  const { rounds = 25, only } = setup.options;
  const specs = websocketServers(only);
  const run = async (/** @type {import('../server-process.mjs').Server[]} */ servers) => {
    /** @type {Measured[]} */
    const measured = [];
    const context = { ...setup, ...setup.options, rounds, servers };
    for (const { id, size, text } of SCENARIOS) {
      const raw = await measure(context, id, {
        mode: 'websocket',
        connections: CONNECTIONS,
        size,
        text,
      });
      measured.push({ id, raw });
    }
    return measured;
  };
  const measured = await withServers(setup, { collecting: false }, run, specs);
  return {
    tables: measured.map(show),
    bars: judge(measured, ratio),
    result: { scenarios: measured },
  };
}

/** CPU time per message as a ratio to that of another server in the same round. @param {import('../rounds.mjs').Raw} raw @param {string} name @param {string} other */
function ratio({ windows }, name, other) {
  const others = windows[other];
  if (others === undefined || windows[name] === undefined) return undefined;
  return spread(windows[name].map(({ cpu_us: cpu }, round) => cpu / others[round].cpu_us));
}

/** @param {Measured} measured */
function show({ id, raw }) {
  const head = ['', 'CPU µs', '× ws', '× bun', 'messages/s', 'p50 µs', 'p99 µs', 'busy', 'calls'];
  const rows = Object.entries(raw.windows).map(([name, windows]) => {
    const of = (/** @type {'cpu_us' | 'rate' | 'p50_us' | 'p99_us' | 'busy'} */ column) =>
      median(windows.map((window) => window[column]));
    return [
      name,
      fixed(of('cpu_us'), 2),
      range(ratio(raw, name, WS)),
      range(ratio(raw, name, BUN)),
      whole(of('rate')),
      fixed(of('p50_us'), 1),
      fixed(of('p99_us'), 1),
      `${(of('busy') * 100).toFixed(0)} %`,
      fixed(raw.counts[name]?.syscalls, 2),
    ];
  });
  return `${id}, ${CONNECTIONS} connections (per message)\n${table(head, rows)}`;
}
