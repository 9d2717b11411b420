// The colours of the charts, in light and in dark.

/** Every colour of a chart: in light, in dark. The light ones identify the colours in the SVG, so each must be different. */
const COLORS = /** @type {const} */ ({
  background: ['#ffffff', '#0d1117'],
  ink: ['#1f2328', '#e6edf3'],
  muted: ['#59636e', '#9da7b1'],
  grid: ['#dce1e6', '#30363d'],
  violet: ['#8250df', '#bc8cff'],
  orange: ['#bc4c00', '#f0883e'],
  blue: ['#0969da', '#58a6ff'],
  green: ['#1a7f37', '#3fb950'],
  pale: ['#a8cdf9', '#1f4f8a'],
});

/** @typedef {keyof typeof COLORS} Color */

/** @param {Color} name */
export const color = (name) => COLORS[name][0];

/**
 * Adds a style sheet with the dark colours. The light ones are attributes of the SVG, so that a viewer without style sheets
 * shows the light chart.
 * @param {string} svg
 */
export function adapt(svg) {
  const rules = Object.values(COLORS).flatMap(([light, dark]) =>
    ['fill', 'stroke'].map((what) => `[${what}="${light}"]{${what}:${dark}}`),
  );
  const style = `<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`;
  const end = svg.indexOf('>') + 1;
  return svg.slice(0, end) + style + svg.slice(end);
}
