// Medians and spreads.

/** @param {number[]} values */
export function median(values) {
  if (values.length === 0) return NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median of each property over all objects. @param {Record<string, number>[]} objects */
export function mediansOf(objects) {
  const names = Object.keys(objects[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, median(objects.map((object) => object[name]))]),
  );
}

/** @typedef {{ median: number, min: number, max: number }} Spread */

/** @param {number[]} values @returns {Spread} */
export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}
