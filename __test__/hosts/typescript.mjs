// Programs in TypeScript without a build: tsx, ts-node, and Node.js itself where it strips types.

import { assertEcho } from './project.mjs';

/** Runs a program of the project where it is. */
async function runs(t, command) {
  assertEcho(await t.run(command), t.path('node_modules'));
}

/** Makes the program part of a package of this type. Returns its path. */
function inPackage(t, type) {
  t.write('package.json', JSON.stringify({ type }));
  return t.write('main.ts', t.read('main.mjs'));
}

export const tsx = {
  cjs: (t) => runs(t, ['tsx', inPackage(t, 'commonjs')]),
  esm: (t) => runs(t, ['tsx', inPackage(t, 'module')]),
};

export const tsNode = {
  cjs: (t) => runs(t, ['ts-node', inPackage(t, 'commonjs')]),
  esm: (t) => {
    const hooks = t.write(
      'hooks.mjs',
      "import { register } from 'node:module';\nregister('ts-node/esm', import.meta.url);\n",
    );
    return runs(t, ['node', '--import', `./${hooks}`, inPackage(t, 'module')]);
  },
};

export const stripTypes = { esm: (t) => runs(t, [t.node26, inPackage(t, 'module')]) };
