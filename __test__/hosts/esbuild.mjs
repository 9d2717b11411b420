// esbuild. It refuses files that it does not know, and `copy` is its loader for those that belong beside the output.

import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import { packages } from './project.mjs';

const base = ['esbuild', '--bundle', '--platform=node', '--log-level=warning'];
const esm = ['--format=esm', '--out-extension:.js=.mjs'];
const copy = '--loader:.node=copy';
// ES modules have no `require`, and esbuild does not make one.
const banner =
  "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

export const esbuild = {
  'plain-refused': (t) =>
    t.mustFail([...base, 'main.mjs', `--outdir=${t.out}`], /No loader is configured for "\.node"/),
  'cjs-copy': async (t) => {
    await t.must([...base, copy, 'main.mjs', `--outdir=${t.out}`]);
    await t.moveAway().echoes(['node', 'main.js']);
  },
  'esm-copy': async (t) => {
    await t.must([...base, ...esm, copy, banner, 'main.mjs', `--outdir=${t.out}`]);
    await t.moveAway().echoes(['node', 'main.mjs']);
  },
  protocols: async (t) => {
    await t.must([...base, ...esm, copy, banner, 'smoke/protocols.mjs', `--outdir=${t.out}`]);
    await t.moveAway().serves(['node', 'protocols.mjs']);
  },
  'esm-copy-without-require': async (t) => {
    await t.must([...base, ...esm, copy, 'main.mjs', `--outdir=${t.out}`]);
    await t.moveAway().misses(['node', 'main.mjs']);
  },
  'cjs-external': async (t) => {
    await t.must([...base, '--external:edgepoll', 'main.mjs', `--outdir=${t.out}`]);
    await t.moveAway(packages).echoes(['node', 'main.js']);
  },
  'esm-external': async (t) => {
    await t.must([...base, ...esm, '--external:edgepoll', 'main.mjs', `--outdir=${t.out}`]);
    await t.moveAway(packages).echoes(['node', 'main.mjs']);
  },
  'bundled-without-addon': async (t) => {
    await t.must([...base, '--external:edgepoll-*', 'main.mjs', `--outdir=${t.out}`]);
    await t.moveAway().misses(['node', 'main.js']);
  },
  'built-without-addon': async (t) => {
    const text = await t.must([...base, t.projectWithoutAddon(), `--outdir=${t.out}`]);
    assert.strictEqual(text, '');
    await t.moveAway().misses(['node', 'main.js']);
  },
  'tree-shaking': async (t) => {
    const meta = `${t.out}/meta.json`;
    const options = [copy, `--metafile=${meta}`, `--outdir=${t.out}`];
    await t.must([...base, ...options, 'timer.mjs']);
    const { inputs } = JSON.parse(readFileSync(t.path(meta), 'utf8')).outputs[`${t.out}/timer.js`];
    assertNoServer(Object.keys(inputs));
    const { code, text } = await t.moveAway().run(['node', 'timer.js']);
    assert.deepStrictEqual({ code, text }, { code: 0, text: 'expired 1 time\n' });
  },
};

/** Checks the modules that a bundle of programs/timer.mjs consists of. */
export function assertNoServer(modules) {
  const ours = modules.map((path) => path.split('/edgepoll/dist/')[1] ?? '');
  assert.ok(ours.includes('fd/index.js'), modules.join());
  const unused = ours.filter((path) => path === 'index.js' || /\bepoll\b/.test(path));
  assert.deepStrictEqual(unused, []);
}
