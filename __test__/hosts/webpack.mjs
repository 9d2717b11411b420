// webpack. Its `node-loader` copies addons beside the output and loads them from there.

import { packages } from './project.mjs';

const base = "entry: './main.mjs', mode: 'production', target: 'node20',";
const forms = {
  cjs: { file: 'main.cjs', kind: 'commonjs', settings: '', output: '' },
  // With `__dirname` and `publicPath`, node-loader finds the copy in an ES module too.
  esm: {
    file: 'main.mjs',
    kind: 'module',
    settings: "experiments: { outputModule: true }, node: { __dirname: 'node-module' },",
    output: "module: true, library: { type: 'module' },",
  },
};
const loader = 'module: { rules: [{ test: /\\.node$/, loader: "node-loader" }] },';

/** Builds in form `cjs` or `esm` with further settings. Returns the name of the file. */
async function build(t, form, settings) {
  await t.must(configured(t, form, settings));
  return forms[form].file;
}

function configured(t, form, settings) {
  const { file, settings: ofForm, output: more } = forms[form];
  const output = `output: { path: ${JSON.stringify(t.path(t.out))}, filename: '${file}', publicPath: '', ${more} },`;
  const text = `export default { ${base} ${output} ${ofForm} ${settings} };\n`;
  return ['webpack', '-c', t.write('webpack.config.mjs', text)];
}

const addonExternal = "externals: /^edgepoll-/, externalsType: 'commonjs',";
const external = (form) => `externals: /^edgepoll/, externalsType: '${forms[form].kind}',`;

export const webpack = {
  'plain-refused': (t) => t.mustFail(configured(t, 'cjs', ''), /Module parse failed: Unexpected/),
  'cjs-node-loader': async (t) => {
    const file = await build(t, 'cjs', loader);
    await t.moveAway().echoes(['node', file]);
  },
  'esm-node-loader': async (t) => {
    const file = await build(t, 'esm', loader);
    await t.moveAway().echoes(['node', file]);
  },
  'cjs-external': async (t) => {
    const file = await build(t, 'cjs', external('cjs'));
    await t.moveAway(packages).echoes(['node', file]);
  },
  'cjs-bundled': async (t) => {
    const file = await build(t, 'cjs', addonExternal);
    await t.moveAway(packages).echoes(['node', file]);
  },
  'cjs-bundled-without-addon': async (t) => {
    const file = await build(t, 'cjs', addonExternal);
    await t.moveAway().misses(['node', file]);
  },
  'esm-external': async (t) => {
    const file = await build(t, 'esm', external('esm'));
    await t.moveAway(packages).echoes(['node', file]);
  },
};
