// Decides whether measurements between two windows of the floor can be compared.

/** The floor before and after must differ by less than this factor; else the machine changed its speed in between. */
const STEADY = 1.25;

/** @param {number} before @param {number} after the floor's times around a round */
export const isSteady = (before, after) =>
  Math.max(before, after) / Math.min(before, after) < STEADY;
