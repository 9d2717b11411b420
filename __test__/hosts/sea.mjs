// Single executables of Node.js. The program inside can require only modules of Node.js itself, so it gives the loader the addon's path
// in EDGEPOLL_ADDON before it imports edgepoll.

import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { inProject } from '../../scripts/lib/root.mjs';
import { addonFile } from './project.mjs';

const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const packaging = readFileSync(inProject('docs/packaging.md'), 'utf8');
/** What a program imports before edgepoll. */
const beforehand = {
  beside: `
    import { dirname, join } from 'node:path';
    process.env.EDGEPOLL_ADDON = join(dirname(process.execPath), 'edgepoll.node');
  `,
  asset: /<!-- host: sea-asset -->\n```mjs\n(.*?)^```$/ms.exec(packaging)[1],
  nothing: '',
};

/** Makes the program one file, and writes the description of the executable. Returns the description's path. */
async function prepare(t, before, output) {
  t.write('before.mjs', beforehand[before]);
  const entry = t.write('entry.mjs', "import './before.mjs';\nimport '../../main.mjs';\n");
  const main = t.write('program.cjs', '');
  const options = ['--bundle', '--platform=node', '--external:edgepoll-*', '--log-level=warning'];
  await t.must(['esbuild', ...options, entry, `--outfile=${main}`, '--allow-overwrite']);
  const assets = before === 'asset' ? { 'edgepoll.node': t.installed(addonFile) } : {};
  const description = { main, output, assets, disableExperimentalSEAWarning: true };
  mkdirSync(t.path(t.out), { recursive: true });
  return t.write('sea.json', JSON.stringify(description));
}

/** From Node.js 20 on: puts a blob into a copy of Node.js. */
async function inject(t, before) {
  const blob = t.write('program.blob', '');
  const description = await prepare(t, before, blob);
  await t.must([process.execPath, '--experimental-sea-config', description]);
  cpSync(process.execPath, t.path(`${t.out}/app`));
  await t.must(['postject', `${t.out}/app`, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse]);
}

/** From Node.js 25.5 on: Node.js makes the executable itself. */
async function build(t, before) {
  await t.must([t.node26, '--build-sea', await prepare(t, before, `${t.out}/app`)]);
}

const echoes = (make, before) => async (t) => {
  await make(t, before);
  if (before === 'beside') cpSync(t.installed(addonFile), t.path(`${t.out}/edgepoll.node`));
  await t.moveAway().echoes(['./app']);
};

const misses = (make) => async (t) => {
  await make(t, 'nothing');
  await t.moveAway().misses(['./app']);
};

export const sea = {
  beside: echoes(inject, 'beside'),
  asset: echoes(inject, 'asset'),
  'without-addon': misses(inject),
  'build-sea-beside': echoes(build, 'beside'),
  'build-sea-asset': echoes(build, 'asset'),
  'build-sea-without-addon': misses(build),
};
