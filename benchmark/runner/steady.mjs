// When what lies between two windows of the floor can be compared. Must never know what was measured.

/** The floor before and after must differ by less than this factor: then nothing in between met another machine. */
const STEADY = 1.25;

/** @param {number} before @param {number} after the floor's times around a round */
export const isSteady = (before, after) =>
  Math.max(before, after) / Math.min(before, after) < STEADY;
