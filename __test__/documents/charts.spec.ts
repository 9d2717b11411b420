/** The charts and tables of docs/performance.md have the figures of docs/performance/*.json. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { root } from '../support/process.js';

/** Figures for a chart of bars. Charts of lines have `lines` instead, and no table. */
interface Figures {
  title: string;
  rounded: string;
  contenders: string[];
  rows?: { name: string; values: (number | null)[] }[];
}

const folder = join(root, 'docs/performance');
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.replace(/\.json$/, ''));
const document = readFileSync(join(root, 'docs/performance.md'), 'utf8');
const comparison = readFileSync(join(root, 'docs/comparison.md'), 'utf8');
const text = (file: string): string => readFileSync(join(folder, file), 'utf8');

test('each chart is drawn from the figures that are committed, and shown', (t) => {
  t.true(names.length > 0);
  for (const name of names) {
    const digest = createHash('sha256')
      .update(text(`${name}.json`))
      .digest('hex');
    const comment = `<!-- drawn from ${name}.json, sha256 ${digest} -->`;
    t.true(text(`${name}.svg`).includes(comment), `${name}: run node docs/performance/draw.mjs`);
    t.true(document.includes(`](performance/${name}.svg)`), name);
  }
  const charts = readdirSync(folder).filter((name) => name.endsWith('.svg'));
  t.is(charts.length, names.length);
});

/** The figures of the table's row that begins with `name`; a dash stands for a missing one. */
function tableRow(within: string, name: string): (number | null)[] | undefined {
  const line = within.split('\n').find((row) => row.startsWith(`| ${name} |`));
  const cells = line?.split('|').slice(2, -1);
  return cells?.map((cell) => {
    const figure = cell.replaceAll(/[*,\s]/g, '');
    return figure === '–' ? null : Number(figure);
  });
}

test('the tables have the figures of the charts', (t) => {
  for (const name of names) {
    const figures = JSON.parse(text(`${name}.json`)) as Figures;
    t.regex(figures.rounded, /\w/, 'it says how exact the figures are');
    for (const row of figures.rows ?? []) {
      t.is(row.values.length, figures.contenders.length);
      t.deepEqual(tableRow(document, row.name), row.values, `${name}: ${row.name}`);
    }
  }
});

test('docs/comparison.md has the figures of docs/performance.md', (t) => {
  let count = 0;
  for (const name of ['echo', 'memory']) {
    const { rows = [] } = JSON.parse(text(`${name}.json`)) as Figures;
    for (const row of rows) {
      const figures = tableRow(comparison, row.name);
      if (figures === undefined) continue;
      count += 1;
      // It leaves out the last column, which is Deno's.
      t.deepEqual(figures, row.values.slice(0, -1), row.name);
    }
  }
  t.is(count, 5);
});
