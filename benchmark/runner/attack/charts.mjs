// The charts of an attack, as options of ECharts: latency and memory over time, or latency by kind.

import { axis, heading, legend, thousands } from '../readiness/parts.mjs';
import { color } from '../readiness/theme.mjs';
import { RUST } from './servers.mjs';

/** @typedef {import('../readiness/svg.mjs').Chart} Chart */

/** Each server has its colour, and a dash of its own for readers who do not see colours. @type {Record<string, { color: string, type: string }>} */
const LOOKS = {
  [RUST]: { color: color('muted'), type: 'solid' },
  'edgepoll-events': { color: color('blue'), type: 'solid' },
  'edgepoll-connection': { color: color('green'), type: 'dashed' },
  'node-net': { color: color('orange'), type: 'solid' },
  bun: { color: color('violet'), type: 'dotted' },
};

/** Below this a latency is not shown, so that the logarithm of 0 is not. */
const LEAST_MS = 0.01;
const MIB = 2 ** 20;

const [COLUMN, ROW, TOP] = [450, 270, 76];

/** @param {number} index */
const grid = (index) => ({
  left: 84 + (index % 2) * COLUMN,
  top: TOP + 28 + Math.floor(index / 2) * ROW,
  width: 350,
  height: 180,
});

/** @param {string} text @param {number} index */
const title = (text, index) =>
  heading(text, 24 + (index % 2) * COLUMN, TOP + Math.floor(index / 2) * ROW);

/** @param {import('./attack.mjs').Attacked} attacked */
const latencies = ({ latencies: points }) => points.filter(({ lines }) => lines.count > 0);

const PANELS = [
  {
    text: 'Well-behaved clients: p99',
    unit: 'ms',
    scale: 'log',
    points: (/** @type {import('./attack.mjs').Attacked} */ attacked) =>
      latencies(attacked).map(({ at, lines }) => [at, Math.max(lines.p99, LEAST_MS)]),
  },
  {
    text: 'Fresh connections: p99',
    unit: 'ms',
    scale: 'log',
    points: (/** @type {import('./attack.mjs').Attacked} */ attacked) =>
      latencies(attacked).map(({ at, fresh }) => [at, Math.max(fresh.p99, LEAST_MS)]),
  },
  {
    text: 'Memory of the process',
    unit: 'MiB',
    scale: 'value',
    points: (/** @type {import('./attack.mjs').Attacked} */ attacked) =>
      attacked.resources.map(({ at, rss }) => [at, rss / MIB]),
  },
  {
    text: 'Memory of the kernel for TCP, both ends',
    unit: 'MiB',
    scale: 'value',
    points: (/** @type {import('./attack.mjs').Attacked} */ attacked) =>
      attacked.resources.map(({ at, tcp }) => [at, tcp / MIB]),
  },
];

/**
 * @param {string} name
 * @param {string} text
 * @param {import('./attack.mjs').Attacked[]} all one attack
 * @returns {Chart}
 */
export function timeChart(name, text, all) {
  const [{ phases }] = all;
  const attack = { begin: phases.attack.begin, end: phases.settle.begin };
  return {
    name,
    width: 920,
    height: TOP + 2 * ROW,
    option: {
      title: [heading(text, 24, 14, 16), ...PANELS.map((panel, index) => title(panel.text, index))],
      legend: { ...legend(44), data: all.map(({ server }) => server) },
      grid: PANELS.map((_, index) => grid(index)),
      xAxis: PANELS.map((_, gridIndex) =>
        axis({
          type: 'value',
          gridIndex,
          name: 'seconds',
          nameLocation: 'middle',
          nameGap: 26,
          splitLine: { show: false },
        }),
      ),
      yAxis: PANELS.map(({ unit, scale }, gridIndex) =>
        axis({
          type: scale,
          gridIndex,
          name: unit,
          nameLocation: 'middle',
          nameGap: 44,
          axisLabel: { color: color('muted'), fontSize: 11, formatter: thousands },
        }),
      ),
      series: PANELS.flatMap(({ points }, index) =>
        all.map((attacked, order) => ({
          type: 'line',
          name: attacked.server,
          xAxisIndex: index,
          yAxisIndex: index,
          symbol: 'none',
          lineStyle: { width: 1.5, ...LOOKS[attacked.server] },
          itemStyle: { color: LOOKS[attacked.server].color },
          data: points(attacked),
          // The time of the attack, once a panel.
          ...(order === 0 && {
            markArea: {
              itemStyle: { color: color('grid'), opacity: 0.4 },
              data: [[{ xAxis: attack.begin }, { xAxis: attack.end }]],
            },
          }),
        })),
      ),
    },
  };
}

/** @param {string} text @param {import('./attack.mjs').Attacked[]} all attacks of one kind each @returns {Chart} */
export function kindChart(text, all) {
  const kinds = [...new Set(all.map((attacked) => attacked.kinds[0]))];
  const servers = [...new Set(all.map(({ server }) => server))];
  const panels = /** @type {const} */ ([
    { text: 'Well-behaved clients: p99 in the attack', what: 'lines' },
    { text: 'Fresh connections: p99 in the attack', what: 'fresh' },
  ]);
  const height = 30 + kinds.length * servers.length * 9;
  return {
    name: 'attack-each',
    width: 920,
    height: TOP + height + 80,
    option: {
      title: [heading(text, 24, 14, 16), ...panels.map((panel, index) => title(panel.text, index))],
      legend: { ...legend(44), data: servers },
      grid: panels.map((_, index) => ({
        ...grid(index),
        left: 114 + index * COLUMN,
        width: 310,
        height,
      })),
      xAxis: panels.map((_, gridIndex) =>
        axis({
          type: 'log',
          gridIndex,
          name: 'ms',
          nameLocation: 'middle',
          nameGap: 26,
          min: LEAST_MS,
          axisLabel: { color: color('muted'), fontSize: 11, formatter: thousands },
        }),
      ),
      yAxis: panels.map((_, gridIndex) =>
        axis({
          type: 'category',
          gridIndex,
          data: kinds,
          inverse: true,
          axisLabel: { color: color('ink'), fontSize: 11 },
          axisTick: { show: false },
          splitLine: { show: false },
        }),
      ),
      series: panels.flatMap(({ what }, index) =>
        servers.map((server) => ({
          type: 'bar',
          name: server,
          xAxisIndex: index,
          yAxisIndex: index,
          itemStyle: { color: LOOKS[server].color },
          data: kinds.map((kind) => {
            const found = all.find((one) => one.server === server && one.kinds[0] === kind);
            return Math.max(found?.phases.attack[what].p99 ?? 0, LEAST_MS);
          }),
        })),
      ),
    },
  };
}
