/**
 * The numbers that JavaScript and the addon share: one that differs is found when the package is loaded. The addon is replaced by
 * a module that changes what the real one exports.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';
import test from 'ava';

import { folder, packageRoot } from '../support/process.js';

const addon = readdirSync(join(packageRoot, 'native')).find((name) => name.endsWith('.node'));

/** Loads the package with an addon whose `layout()` is the expression `changed`. Returns the text that is printed to stderr. */
function load(t: ExecutionContext, changed: string): string {
  const replaced = join(folder(t), 'addon.cjs');
  const real = JSON.stringify(join(packageRoot, 'native', addon ?? ''));
  writeFileSync(
    replaced,
    `const real = require(${real});
     const list = real.layout();
     module.exports = { ...real, layout: ${changed} };`,
  );
  const { stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', "await import('edgepoll');"],
    {
      cwd: packageRoot,
      encoding: 'utf8',
      env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: replaced },
    },
  );
  return stderr;
}

test('layout: the same numbers load', (t) => {
  t.is(load(t, '() => list'), '');
});

test('layout: a number that differs is an error that names it', (t) => {
  const changed = "() => list.map(([name, n]) => [name, name === 'POOL_SIZE' ? 1 : n])";
  t.regex(
    load(t, changed),
    /different versions: POOL_SIZE is 8192 in the package and 1 in the addon\. /,
  );
});

test('layout: a number that only the package has is an error that names it', (t) => {
  const changed = "() => list.filter(([name]) => name !== 'LENT')";
  t.regex(load(t, changed), /LENT is 1073741824 in the package and undefined in the addon\. /);
});

test('layout: a number that only the addon has is an error that names it', (t) => {
  const changed = "() => [...list, ['NEWER', 7]]";
  t.regex(load(t, changed), /NEWER is undefined in the package and 7 in the addon\. /);
});

test('layout: an addon without a list of its numbers is an error', (t) => {
  t.regex(load(t, 'undefined'), /RECORD_FIELDS is 8 in the package and undefined in the addon/);
});
