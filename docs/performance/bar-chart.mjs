// A bar chart of the figures in a file of docs/performance: a group of bars per row, a bar per contender.

import { color } from '../../benchmark/runner/readiness/theme.mjs';

const colors = ['blue', 'pale', 'green', 'violet', 'orange', 'muted'];
const small = { color: color('muted'), fontSize: 11 };
const line = { show: true, lineStyle: { color: color('muted') } };

/** `{ title, unit, contenders, rows: [{ name, values }] }` as a chart for the benchmark's `draw()`. */
export function barChart({ title, unit, contenders, rows }) {
  return {
    name: title,
    width: 920,
    height: 380,
    option: {
      title: {
        text: title,
        left: 24,
        top: 14,
        padding: 0,
        textStyle: { fontSize: 16, fontWeight: 600, color: color('ink') },
      },
      legend: {
        top: 44,
        left: 24,
        itemGap: 28,
        padding: 0,
        data: contenders,
        textStyle: { color: color('ink'), fontSize: 12 },
      },
      grid: { left: 84, top: 84, width: 812, height: 240 },
      xAxis: {
        type: 'category',
        data: rows.map(({ name }) => name),
        axisLabel: { ...small, interval: 0, width: 812 / rows.length - 8, overflow: 'break' },
        axisLine: line,
        axisTick: { show: false },
      },
      yAxis: {
        type: 'value',
        name: unit,
        nameLocation: 'middle',
        nameGap: 44,
        nameTextStyle: small,
        // Room for the figure above the longest bar.
        boundaryGap: [0, '10%'],
        axisLabel: { ...small, formatter: (value) => value.toLocaleString('en-US') },
        axisLine: line,
        splitLine: { show: true, lineStyle: { color: color('grid') } },
      },
      series: contenders.map((name, index) => ({
        type: 'bar',
        name,
        barCategoryGap: '14%',
        itemStyle: { color: color(colors[index]) },
        data: rows.map(({ values }) => values[index]),
        label: {
          show: true,
          position: 'top',
          color: color('ink'),
          fontSize: 10,
          formatter: ({ value }) => value.toLocaleString('en-US', { maximumFractionDigits: 2 }),
        },
      })),
    },
  };
}
