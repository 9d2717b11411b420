// What the charts have in common: headings, axes and legends, as options of ECharts.

import { color } from './theme.mjs';

/** @param {string} text @param {number} left @param {number} top @param {number} [size] */
export const heading = (text, left, top, size = 13) => ({
  text,
  left,
  top,
  padding: 0,
  textStyle: { fontSize: size, fontWeight: 600, color: color('ink') },
});

export const quiet = {
  axisLabel: { color: color('muted'), fontSize: 11 },
  nameTextStyle: { color: color('muted'), fontSize: 11 },
  axisLine: { show: true, lineStyle: { color: color('muted') } },
  axisTick: { show: true, lineStyle: { color: color('muted') } },
  splitLine: { show: true, lineStyle: { color: color('grid') } },
  minorSplitLine: { show: false },
};

/** @param {object} own */
export const axis = (own) => ({ ...quiet, ...own });

/** @param {number} top */
export const legend = (top) => ({
  top,
  left: 24,
  itemGap: 20,
  padding: 0,
  textStyle: { color: color('ink'), fontSize: 12 },
});

/** @param {number} value */
export const thousands = (value) => value.toLocaleString('en-US');
