// The charts of the readiness benchmark, as options of ECharts.

import { AT_A_TIME, EDGEPOLL, FLOOR, NPM_EPOLL } from './names.mjs';
import { axis, heading, legend, quiet, thousands } from './parts.mjs';
import { color } from './theme.mjs';

/** @typedef {import('./svg.mjs').Chart} Chart */
/** @typedef {{ left: number, top: number, width: number, height: number }} Box */

/** Each way to wait has its colour, and a mark of its own for readers who do not see colours. */
const LOOKS = {
  select: { color: color('violet'), symbol: 'diamond', dash: 'dotted' },
  poll: { color: color('orange'), symbol: 'triangle', dash: 'solid' },
  'epoll level': { color: color('blue'), symbol: 'circle', dash: 'solid' },
  'epoll edge': { color: color('green'), symbol: 'rect', dash: 'dashed' },
};

/** Three significant figures, or all of a whole number. @internal @param {number} value */
export function figures(value) {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) >= 999.5 ? thousands(Math.round(value)) : value.toPrecision(3);
}

/** @param {import('./ping-pong.mjs').Measured[]} scenarios @returns {Chart} */
export function pingPongChart(scenarios) {
  // npm's epoll takes one event per wake-up: in the chart of batches, its bar would dwarf the others.
  const names = (/** @type {string} */ id) =>
    id === 'batch' ? [FLOOR, ...EDGEPOLL] : [FLOOR, NPM_EPOLL, ...EDGEPOLL];
  const [column, row, top] = [450, 215, 70];
  const panels = scenarios.map(({ id, title, summary: { contenders } }, index) => {
    const shown = names(id).filter((name) => contenders[name] !== undefined);
    const place = { left: 24 + (index % 2) * column, top: top + Math.floor(index / 2) * row };
    const box = { left: place.left + 118, top: place.top + 24, width: 260, height: 130 };
    return { title, place, box, shown, contenders };
  });
  const parts = /** @type {const} */ ([
    { name: 'user', key: 'user_us', color: color('blue') },
    { name: 'system', key: 'system_us', color: color('pale') },
  ]);
  return {
    name: 'ping-pong',
    width: 920,
    height: top + Math.ceil(panels.length / 2) * row,
    option: {
      title: [
        heading('CPU time per readiness event', 24, 14, 16),
        ...panels.map(({ title, place }) => heading(title, place.left, place.top)),
      ],
      legend: { ...legend(42), data: parts.map(({ name }) => name) },
      grid: panels.map(({ box }) => box),
      xAxis: panels.map((_, gridIndex) =>
        axis({
          type: 'value',
          gridIndex,
          name: 'CPU µs per event',
          splitNumber: 4,
          nameLocation: 'middle',
          nameGap: 26,
        }),
      ),
      yAxis: panels.map(({ shown }, gridIndex) =>
        axis({
          type: 'category',
          gridIndex,
          data: shown,
          inverse: true,
          axisLabel: { color: color('ink'), fontSize: 11 },
          axisTick: { show: false },
          splitLine: { show: false },
        }),
      ),
      series: panels.flatMap(({ shown, contenders }, index) =>
        parts.map((part, layer) => ({
          type: 'bar',
          name: part.name,
          stack: String(index),
          barWidth: '62%',
          xAxisIndex: index,
          yAxisIndex: index,
          itemStyle: { color: part.color },
          data: shown.map((name) => contenders[name][part.key]),
          label: {
            show: layer === 1,
            position: 'right',
            color: color('ink'),
            fontSize: 11,
            formatter: (/** @type {{ dataIndex: number }} */ { dataIndex }) =>
              figures(contenders[shown[dataIndex]].cpu_us),
          },
        })),
      ),
    },
  };
}

/**
 * @param {string} name
 * @param {string} title
 * @param {import('./lines.mjs').Line[][]} panels one a grid: the lines of one language and one number of active descriptors
 * @param {'log' | 'value'} scale
 * @returns {Chart}
 */
function idleChart(name, title, panels, scale) {
  const [column, row, top] = [450, 290, 76];
  const times = panels.flat().flatMap(({ points }) => points.map(({ cpu_us: time }) => time));
  const range =
    scale === 'log'
      ? {
          min: 10 ** Math.floor(Math.log10(Math.min(...times))),
          max: 10 ** Math.ceil(Math.log10(Math.max(...times))),
        }
      : { min: 0 };
  return {
    name,
    width: 920,
    height: top + Math.ceil(panels.length / 2) * row,
    option: {
      title: [
        heading(title, 24, 14, 16),
        ...panels.map(([{ language, active }], index) =>
          heading(
            `${language}, ${active} active`,
            24 + (index % 2) * column,
            top + Math.floor(index / 2) * row,
          ),
        ),
      ],
      legend: { ...legend(44), data: Object.keys(LOOKS) },
      grid: panels.map((_, index) => ({
        left: 84 + (index % 2) * column,
        top: top + 28 + Math.floor(index / 2) * row,
        width: 350,
        height: 196,
      })),
      xAxis: panels.map((_, gridIndex) =>
        axis({
          type: scale,
          gridIndex,
          name: 'idle descriptors',
          nameLocation: 'middle',
          nameGap: 26,
          ...(scale === 'log' ? { min: 100, max: 10_000 } : { min: 0, max: 10_000 }),
          axisLabel: { ...quiet.axisLabel, formatter: thousands },
        }),
      ),
      yAxis: panels.map((_, gridIndex) =>
        axis({
          ...range,
          type: scale,
          gridIndex,
          name: 'CPU µs per wake-up',
          nameLocation: 'middle',
          nameGap: 44,
          axisLabel: { ...quiet.axisLabel, formatter: thousands },
        }),
      ),
      series: panels.flatMap((lines, index) =>
        lines.map(({ engine, points }) => ({
          type: 'line',
          name: engine,
          xAxisIndex: index,
          yAxisIndex: index,
          symbol: LOOKS[engine].symbol,
          symbolSize: 8,
          showAllSymbol: true,
          lineStyle: { width: 2, color: LOOKS[engine].color, type: LOOKS[engine].dash },
          itemStyle: { color: LOOKS[engine].color },
          data: points.map(({ idle, cpu_us: time }) => [idle, time]),
        })),
      ),
    },
  };
}

/** @param {import('./lines.mjs').Line[]} lines @returns {Chart[]} */
export function idleCharts(lines) {
  /** @type {Map<string, import('./lines.mjs').Line[]>} */
  const panels = new Map();
  for (const line of lines.filter(({ points }) => points.length > 0)) {
    const key = `${line.active} ${line.language}`;
    panels.set(key, [...(panels.get(key) ?? []), line]);
  }
  const all = [...panels.values()];
  const [least] = lines.map(({ active }) => active);
  const few = all.filter(([{ active }]) => active === least);
  return [
    idleChart('idle', 'A wake-up among idle descriptors', all, 'log'),
    idleChart('idle-linear', 'A wake-up among idle descriptors: lines and flats', few, 'value'),
  ];
}

/** @param {Awaited<ReturnType<typeof import('./transfer.mjs').measureTransfer>>} measured @returns {Chart} */
export function transferChart({ connections, cells }) {
  const sizes = [...new Set(cells.map(({ size }) => size))];
  const engines = [...new Set(cells.map(({ engine }) => engine))];
  const top = 76;
  const panels = /** @type {const} */ ([
    { title: 'CPU time of the server', unit: 'CPU µs per connection', key: 'cpu_us' },
    { title: 'Total time', unit: 'seconds', key: 'seconds' },
  ]);
  return {
    name: 'transfer',
    width: 920,
    height: top + 290,
    option: {
      title: [
        heading(
          `Transfer over ${thousands(connections)} connections, ${AT_A_TIME} at a time`,
          24,
          14,
          16,
        ),
        ...panels.map(({ title }, index) => heading(title, 24 + index * 450, top)),
      ],
      legend: { ...legend(44), data: engines },
      grid: panels.map((_, index) => ({
        left: 84 + index * 450,
        top: top + 28,
        width: 350,
        height: 196,
      })),
      xAxis: panels.map((_, gridIndex) =>
        axis({
          type: 'category',
          gridIndex,
          name: 'size of a transfer',
          nameLocation: 'middle',
          nameGap: 26,
          data: sizes.map((size) => `${size / 1024} KiB`),
          splitLine: { show: false },
        }),
      ),
      yAxis: panels.map(({ unit }, gridIndex) =>
        axis({
          type: 'value',
          gridIndex,
          name: unit,
          // Room for the number above the longest bar.
          boundaryGap: [0, '10%'],
          nameLocation: 'middle',
          nameGap: 44,
        }),
      ),
      series: panels.flatMap(({ key }, index) =>
        engines.map((engine) => ({
          type: 'bar',
          name: engine,
          barCategoryGap: '14%',
          xAxisIndex: index,
          yAxisIndex: index,
          itemStyle: { color: LOOKS[/** @type {keyof typeof LOOKS} */ (engine)].color },
          data: cells.filter((cell) => cell.engine === engine).map((cell) => cell[key]),
          label: {
            show: true,
            position: 'top',
            color: color('ink'),
            fontSize: 10,
            formatter: (/** @type {{ value: number }} */ { value }) => figures(value),
          },
        })),
      ),
    },
  };
}
