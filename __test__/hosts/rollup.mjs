// rollup, rolldown, and Vite, which builds with rolldown. None of them handles an addon without an option.

import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import { assertNoServer } from './esbuild.mjs';
import { addonPackages, packages } from './project.mjs';

const files = { cjs: 'main.cjs', es: 'main.mjs' };
const whole = 'external: /^edgepoll/,';
const addonsAlone = 'external: /^edgepoll-/,';
/** Two plug-ins, and one that lists the modules of which something is in the output. */
const plugins = 'resolve(), commonjs()';
const report = `plugins: [${plugins}, {
  generateBundle(options, bundle) {
    const [{ modules }] = Object.values(bundle);
    const used = Object.keys(modules).filter((id) => modules[id].renderedLength > 0);
    this.emitFile({ type: 'asset', fileName: 'modules.json', source: JSON.stringify(used) });
  },
}],`;

/** The command that builds with rollup in the format `cjs` or `es`, with further settings. */
function withRollup(t, format, settings, input = 'main.mjs') {
  const imports = [
    "import commonjs from '@rollup/plugin-commonjs';",
    "import resolve from '@rollup/plugin-node-resolve';",
  ];
  const output = `output: { file: '${t.out}/${files[format]}', format: '${format}' }`;
  const config = `{ input: '${input}', plugins: [${plugins}], ${settings} ${output} }`;
  const text = [...imports, `export default ${config};`].join('\n');
  return ['rollup', '--silent', '-c', t.write('rollup.config.mjs', text)];
}

/** The same with rolldown. */
function withRolldown(t, format, settings, input = 'main.mjs') {
  const output = `output: { file: '${t.out}/${files[format]}', format: '${format}' }`;
  const text = `export default { input: '${input}', platform: 'node', ${settings} ${output} };\n`;
  return ['rolldown', '-c', t.write('rolldown.config.mjs', text)];
}

/** The command that builds with Vite for a server. */
function withVite(t, ssr, build = '') {
  const settings = `ssr: 'main.mjs', outDir: '${t.path(t.out)}', ${build}`;
  const text = `export default { build: { ${settings} }, ssr: { ${ssr} } };\n`;
  return ['vite', 'build', '--logLevel', 'warn', '--config', t.write('vite.config.mjs', text)];
}

const refused = (command) => (t) => t.mustFail(command(t, 'es', ''), /\.node\b/);

/** A case that builds, installs the packages beside the result, and runs it. */
function works(command, format, settings) {
  return async (t) => {
    await t.must(command(t, format, settings));
    await t.moveAway(packages).echoes(['node', files[format]]);
  };
}

/** A case whose result has no addon: without packages beside it, or since it cannot load them. */
function misses(command, format, settings, installed) {
  return async (t) => {
    await t.must(command(t, format, settings));
    await t.moveAway(installed).misses(['node', files[format]]);
  };
}

export const rollup = {
  'plain-refused': refused(withRollup),
  'cjs-external': works(withRollup, 'cjs', whole),
  'esm-external': works(withRollup, 'es', whole),
  'cjs-bundled': works(withRollup, 'cjs', addonsAlone),
  'cjs-bundled-without-addon': misses(withRollup, 'cjs', addonsAlone, []),
  'esm-bundled-without-require': misses(withRollup, 'es', addonsAlone, packages),
  'tree-shaking': async (t) => {
    await t.must(withRollup(t, 'cjs', `${addonsAlone} ${report}`, 'timer.mjs'));
    assertNoServer(JSON.parse(readFileSync(t.path(`${t.out}/modules.json`), 'utf8')));
    const { code, text } = await t.moveAway(packages).run(['node', files.cjs]);
    assert.deepStrictEqual({ code, text }, { code: 0, text: 'expired 1 time\n' });
  },
};

export const rolldown = {
  protocols: async (t) => {
    const settings = 'external: /^edgepoll-.*linux-/,';
    await t.must(withRolldown(t, 'es', settings, 'smoke/protocols.mjs'));
    await t.moveAway(addonPackages).serves(['node', 'main.mjs']);
  },
  'plain-refused': refused(withRolldown),
  'cjs-external': works(withRolldown, 'cjs', whole),
  'esm-external': works(withRolldown, 'es', whole),
  'cjs-bundled': works(withRolldown, 'cjs', addonsAlone),
  'esm-bundled': works(withRolldown, 'es', addonsAlone),
  'bundled-without-addon': misses(withRolldown, 'es', addonsAlone, []),
};

export const vite = {
  // Vite leaves packages external when it builds for a server.
  ssr: async (t) => {
    await t.must(withVite(t, ''));
    await t.moveAway(packages).echoes(['node', 'main.js']);
  },
  'no-external-refused': (t) => t.mustFail(withVite(t, 'noExternal: true'), /\.node\b/),
  'no-external-bundled': async (t) => {
    await t.must(withVite(t, 'noExternal: true', `rolldownOptions: { ${addonsAlone} }`));
    await t.moveAway(packages).echoes(['node', 'main.js']);
  },
};
