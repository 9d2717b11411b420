/**
 * The numbers that JavaScript and the addon share: one that differs is found when the package is loaded. A script that runs before
 * the package changes what the real addon exports.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';
import test from 'ava';

import { folder, packageRoot } from '../support/process.js';

/** Loads the package with an addon whose `layout()` is the expression `changed`. Returns the text that is printed to stderr. */
function load(t: ExecutionContext, changed: string): string {
  const before = join(folder(t), 'before.cjs');
  writeFileSync(
    before,
    `const { dlopen } = process;
     process.dlopen = (module, ...rest) => {
       dlopen(module, ...rest);
       const list = module.exports.layout();
       module.exports = { ...module.exports, layout: ${changed} };
     };`,
  );
  const { stderr } = spawnSync(
    process.execPath,
    ['--require', before, '--input-type=module', '--eval', "await import('edgepoll');"],
    { cwd: packageRoot, encoding: 'utf8' },
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
    /different sources: POOL_SIZE is 8192 in JavaScript and 1 in the addon\. In a clone, run `npm run build`\. If EDGEPOLL_ADDON is set, /,
  );
});

test('layout: a number that only the package has is an error that names it', (t) => {
  const changed = "() => list.filter(([name]) => name !== 'LENT')";
  t.regex(load(t, changed), /LENT is 1073741824 in JavaScript and missing in the addon\. /);
});

test('layout: a number that only the addon has is an error that names it', (t) => {
  const changed = "() => [...list, ['NEWER', 7]]";
  t.regex(load(t, changed), /NEWER is missing in JavaScript and 7 in the addon\. /);
});

test('layout: an addon without a list of its numbers is an error', (t) => {
  t.regex(load(t, 'undefined'), /RECORD_FIELDS is 8 in JavaScript and missing in the addon/);
});
