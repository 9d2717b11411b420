// Lays the results of the readiness benchmark out as text.

import { median } from '../statistics.mjs';
import { fixed, range, table, whole } from '../table.mjs';
import { AT_A_TIME } from './names.mjs';

/** @param {import('./ping-pong.mjs').Measured} measured */
export function pingPongTable({ title, summary: { contenders, rounds, steady } }) {
  const head = ['', 'CPU µs', 'user', 'system', '× floor', '+ µs', '× npm epoll'];
  head.push('net µs', 'net + µs', 'events/s');
  const rows = Object.entries(contenders).map(([name, contender]) => [
    name,
    fixed(contender.cpu_us, 3),
    fixed(contender.user_us, 3),
    fixed(contender.system_us, 3),
    range(contender.to_floor),
    fixed(contender.excess_us.median, 2),
    range(contender.to_npm_epoll),
    fixed(contender.net_us, 2),
    fixed(contender.net_excess_us?.median, 2),
    whole(contender.rate),
  ]);
  const what = steady > 0 ? 'the numbers are theirs' : 'so all of them are counted';
  const remark = `  ${steady} of ${rounds} rounds were steady; ${what}.`;
  return `${title} (per event)\n${table(head, rows)}\n${remark}`;
}

/** One table for each number of active descriptors. @param {import('./lines.mjs').Line[]} lines */
export function idleTables(lines) {
  const actives = [...new Set(lines.map(({ active }) => active))];
  return actives.map((active) => {
    const own = lines.filter((line) => line.active === active);
    const counts = [...new Set(own.flatMap(({ points }) => points.map(({ idle }) => idle)))];
    counts.sort((a, b) => a - b);
    const last = counts.at(-1) ?? 0;
    const head = ['', ...counts.map(whole), '+ µs per 1,000', 'R²', 'last : first'];
    head.push(`by the clock, ${whole(last)}`);
    const rows = own.map(({ language, engine, points, fit, growth }) => {
      const at = (/** @type {number} */ idle) => points.find((point) => point.idle === idle);
      const times = counts.map((idle) => fixed(at(idle)?.cpu_us, 2));
      const straight = fixed(points.length > 2 ? fit?.r2 : undefined, 3);
      const line = [fixed(fit?.slope, 2), straight, fixed(growth, 2), fixed(at(last)?.wall_us, 2)];
      return [`${engine}, ${language}`].concat(times, line);
    });
    const title = `${active} active among so many idle descriptors (CPU µs per wake-up)`;
    return `${title}\n${table(head, rows)}\n${unrest(own)}`;
  });
}

/** How much the machine varied: a cell should cost the same in every round. @param {import('./lines.mjs').Line[]} lines */
function unrest(lines) {
  const factors = lines.flatMap(({ points }) =>
    points.map(({ windows }) => {
      const times = windows.map(({ cpu_us: time }) => time);
      return Math.max(...times) / Math.min(...times);
    }),
  );
  const most = fixed(Math.max(...factors), 1);
  return `  Between its rounds a cell differed by a factor of ${fixed(median(factors), 1)} (median), ${most} at most.`;
}

/** @param {Awaited<ReturnType<typeof import('./transfer.mjs').measureTransfer>>} measured */
export function transferTable({ connections, cells }) {
  const head = ['', 'KiB', 'total s', 'CPU µs', 'CPU µs/MiB', '× epoll level'];
  const rows = cells.map(({ engine, size, seconds, cpu_us: cpu, cpu_us_per_mib: mib, to_base }) => [
    engine,
    whole(size / 1024),
    fixed(seconds, 3),
    fixed(cpu, 2),
    whole(mib),
    range(to_base),
  ]);
  const title = `transfer over ${whole(connections)} connections, ${AT_A_TIME} at a time`;
  return `${title} (server, per connection)\n${table(head, rows)}`;
}
