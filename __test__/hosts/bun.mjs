// Bun as a bundler, and as a compiler of a single executable.

import { runtimes } from '../../scripts/lib/runtimes.mjs';

const command = () => runtimes.bun()[0];

export const bun = {
  'compiled-without-addon': async (t) => {
    const options = ['--compile', `--outfile=${t.path(t.out)}/app`];
    await t.must([command(), 'build', ...options, t.projectWithoutAddon()]);
    await t.moveAway().misses(['./app']);
  },
  'build-for-bun': async (t) => {
    await t.must([command(), 'build', 'main.mjs', '--target=bun', `--outdir=${t.out}`]);
    await t.moveAway().echoes([command(), 'main.js']);
  },
  'build-for-node': async (t) => {
    await t.must([command(), 'build', 'main.mjs', '--target=node', `--outdir=${t.out}`]);
    await t.moveAway().echoes(['node', 'main.js']);
  },
  // The executable unpacks the addon into the folder for temporary files.
  compile: async (t) => {
    await t.must([command(), 'build', '--compile', 'main.mjs', `--outfile=${t.out}/app`]);
    await t.moveAway().echoes(['./app']);
  },
};
