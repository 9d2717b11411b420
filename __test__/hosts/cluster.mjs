// Several processes on one port.

import assert from 'node:assert';

export const nodeCluster = {
  'reuse-port': async (t) => {
    const text = await t.must(['node', 'cluster.mjs']);
    assert.deepStrictEqual(JSON.parse(text), { answered: 2, codes: [0, 0] });
  },
};
