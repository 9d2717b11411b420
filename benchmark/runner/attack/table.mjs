// The table of an attack.

import { total } from './bars.mjs';
import { fixed, table, whole } from '../table.mjs';

/** @param {import('./attack.mjs').Latency} latency */
const latency = ({ p50, p99, max }) => `${ms(p50)} ${ms(p99)} ${ms(max)}`;
/** @param {number} value milliseconds */
const ms = (value) => (value >= 100 ? whole(value) : fixed(value, value >= 10 ? 1 : 2));
/** @param {number} bytes */
const mib = (bytes) => whole(bytes / 2 ** 20);
/** @param {number} share */
const percent = (share) => `${whole(share * 100)} %`;

const HEAD = [
  '',
  'calm: p50 p99 max',
  'attack: p50 p99 max',
  'after: p50 p99 max',
  'cut',
  'fresh: p99 max',
  'failed',
  'RSS calm peak after',
  'kernel attack after',
  'TCP peak after',
  'fd before peak after',
  'CPU calm attack after',
];

/** @param {import('./attack.mjs').Attacked} attacked */
function row(attacked) {
  const { server, phases, usage, kernel, descriptors } = attacked;
  const { calm, attack, after } = phases;
  const tried = Object.values(phases).reduce((sum, { fresh }) => sum + fresh.count, 0);
  const failed = total(attacked, 'fresh_failed');
  const memory = Math.max(usage.attack.rss, usage.settle.rss);
  return [
    server,
    latency(calm.lines),
    latency(attack.lines),
    latency(after.lines),
    whole(total(attacked, 'cut')),
    `${ms(attack.fresh.p99)} ${ms(attack.fresh.max)}`,
    failed === 0 ? '0' : `${whole(failed)} (${percent(failed / tried)})`,
    `${mib(usage.calm.rss)} ${mib(memory)} ${mib(usage.last.rss)}`,
    `${mib(kernel.attack)} ${mib(kernel.after)}`,
    `${mib(Math.max(usage.attack.tcp, usage.settle.tcp))} ${mib(usage.last.tcp)}`,
    `${descriptors.before} ${descriptors.peak} ${descriptors.after}`,
    `${percent(usage.calm.cpu)} ${percent(usage.attack.cpu)} ${percent(usage.after.cpu)}`,
  ];
}

/** @param {string} title @param {import('./attack.mjs').Attacked[]} all */
export function attackTable(title, all) {
  const lines = [
    `${title} (latency in ms, memory in MiB)`,
    table(HEAD, all.map(row)),
    ...all.flatMap(({ server, phases, stats }) => {
      const causes = Object.entries(phases).flatMap(([name, phase]) =>
        Object.entries(phase.causes).map(([cause, count]) => `${name}: ${cause} (${count})`),
      );
      const counters = Object.entries(stats)
        .filter(([, value]) => value !== 0 && value !== null)
        .map(([name, value]) => `${name} ${JSON.stringify(value)}`);
      return [
        `  ${server}: ${counters.join(', ')}`,
        ...(causes.length > 0 ? [`    ${causes.join('; ')}`] : []),
      ];
    }),
  ];
  return lines.join('\n');
}

/** @param {import('./attack.mjs').Attacked} attacked */
export function hostileTable({ server, hostile }) {
  const names = [
    'clients',
    'opened',
    'failed',
    'timed_out',
    'no_port',
    'ended',
    'was_reset',
    'sent',
    'received',
  ];
  const rows = Object.entries(hostile).map(([kind, counters]) =>
    [kind].concat(names.map((name) => whole(counters[name]))),
  );
  return `What the hostile clients of ${server} have counted\n${table(['', ...names], rows)}`;
}
