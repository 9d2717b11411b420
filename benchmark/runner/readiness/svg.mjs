// Draws a chart as an SVG that is readable in light and dark.

import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { BENCHMARK } from '../prepare.mjs';
import { adapt, color } from './theme.mjs';

/** @typedef {{ name: string, width: number, height: number, option: object }} Chart `option` is ECharts' */

/** @param {Chart[]} charts @returns {Promise<{ name: string, svg: string }[]>} */
export async function draw(charts) {
  if (charts.length === 0) return [];
  // Resolved at run time, so that the type check does not need ECharts to be installed.
  const file = createRequire(path.join(BENCHMARK, 'package.json')).resolve('echarts');
  const { default: echarts } = await import(pathToFileURL(file).href);
  return charts.map(({ name, width, height, option }) => {
    const settings = { renderer: 'svg', ssr: true, width, height };
    const chart = echarts.init(null, null, settings);
    const common = {
      animation: false,
      silent: true,
      backgroundColor: color('background'),
      textStyle: { fontFamily: 'system-ui, sans-serif', color: color('ink') },
    };
    chart.setOption({ ...common, ...option });
    const svg = adapt(chart.renderToSVGString());
    chart.dispose();
    return { name, svg };
  });
}
