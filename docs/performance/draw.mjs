// Draws the charts of docs/performance.md: node docs/performance/draw.mjs. For each docs/performance/NAME.json it writes
// NAME.svg beside it, by the chart writer of the benchmark. ECharts must be installed there: `npm ci --prefix benchmark`.
//
// Each SVG names the digest of the JSON that it was drawn from. __test__/documents/charts.spec.ts compares the two, so
// that a change of the figures without a new chart is noticed without ECharts.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { idleCharts } from '../../benchmark/runner/readiness/charts.mjs';
import { draw } from '../../benchmark/runner/readiness/svg.mjs';
import { barChart } from './bar-chart.mjs';
import { inProject } from '../../scripts/lib/root.mjs';

const folder = inProject('docs/performance');
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const text = readFileSync(`${folder}/${file}`, 'utf8');
  const figures = JSON.parse(text);
  const [chart] = figures.lines === undefined ? [barChart(figures)] : idleCharts(figures.lines);
  const [{ svg }] = await draw([chart]);
  const digest = createHash('sha256').update(text).digest('hex');
  const end = svg.indexOf('>') + 1;
  const target = file.replace(/json$/, 'svg');
  writeFileSync(
    `${folder}/${target}`,
    `${svg.slice(0, end)}<!-- drawn from ${file}, sha256 ${digest} -->${svg.slice(end)}\n`,
  );
  console.log(`docs/performance/${target}`);
}
