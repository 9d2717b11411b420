// A straight line through points, by least squares.

/**
 * @typedef {object} Fit
 * @property {number} intercept
 * @property {number} slope per unit of x
 * @property {number} r2 share of the variance that the line explains: 1 when all points lie on it; 0 when y never changes
 */

/** @param {{ x: number, y: number }[]} points @returns {Fit | undefined} undefined with fewer than two different x */
export function fitLine(points) {
  const count = points.length;
  const meanX = points.reduce((total, { x }) => total + x, 0) / count;
  const meanY = points.reduce((total, { y }) => total + y, 0) / count;
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (const { x, y } of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  if (!(xx > 0)) return undefined;
  const slope = xy / xx;
  return { intercept: meanY - slope * meanX, slope, r2: yy > 0 ? xy ** 2 / (xx * yy) : 0 };
}
