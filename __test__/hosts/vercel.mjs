// ncc makes one file of a program. nft lists the files that a program needs: Next.js and other servers of Vercel deploy by its list.

import { cpSync } from 'node:fs';

const tracer = `
import { nodeFileTrace } from '@vercel/nft';
const { fileList } = await nodeFileTrace([process.argv[2]]);
console.log([...fileList].join('\\n'));
`;

/** A case that traces a program, copies what was listed and runs the copy. */
function traces(program) {
  return async (t) => {
    const list = await t.must(['node', t.write('trace.mjs', tracer), program]);
    for (const file of list.trim().split('\n')) cpSync(t.path(file), t.path(`${t.out}/${file}`));
    await t.moveAway().echoes(['node', program]);
  };
}

function packs(program, file) {
  return async (t) => {
    await t.must(['ncc', 'build', program, '--quiet', '-o', t.out]);
    await t.moveAway().echoes(['node', file]);
  };
}

export const ncc = {
  cjs: packs('main.cjs', 'index.cjs'),
  esm: packs('main.mjs', 'index.mjs'),
  protocols: async (t) => {
    await t.must(['ncc', 'build', 'smoke/protocols.mjs', '--quiet', '-o', t.out]);
    await t.moveAway().serves(['node', 'index.mjs']);
  },
  'built-without-addon': async (t) => {
    await t.must(['ncc', 'build', t.projectWithoutAddon(), '--quiet', '-o', t.out]);
    await t.moveAway().misses(['node', 'index.mjs']);
  },
};

export const nft = { cjs: traces('main.cjs'), esm: traces('main.mjs') };
