// The public declarations keep their rules: every error code is in ErrorCode, every optional property admits undefined.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { addon } from '../support/addon.js';
import { root } from '../support/process.js';

const native = addon as { errorName(errno: number): string };

const declarations = ['index.d.ts', 'fd.d.ts', 'epoll.d.ts'];
const read = (name: string): string => readFileSync(join(root, name), 'utf8');

/** The members of a union of string literals in index.d.ts. */
function union(name: string): Set<string> {
  const found = new RegExp(`type ${name} =\\s([^;]*);`).exec(read('index.d.ts'))?.[1] ?? '';
  return new Set(Array.from(found.matchAll(/'(\w+)'/g), ([, code = '']) => code));
}

test('SystemErrorCode has the name of every error number, and no other', (t) => {
  // The kernel's numbers end at MAX_ERRNO (linux/err.h).
  const names = Array.from({ length: 4095 }, (_, index) => native.errorName(index + 1));
  t.true(new Set(names).size > 100);
  t.deepEqual([...union('SystemErrorCode')].toSorted(), [...new Set(names)].toSorted());
});

test('PackageErrorCode has every code of an EdgepollError in the sources, and no other', (t) => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const thrown = new Set<string>();
  // The type of the constructor refuses codes that are not in the list. Here no code may be in the list that nothing uses.
  for (const name of sources.filter(
    (file) => file.endsWith('.ts') && !file.endsWith('-codes.ts'),
  )) {
    const text = read(join('src', name));
    // At a constructor, or in a table of codes by number.
    for (const [, code = ''] of text.matchAll(
      /(?:EdgepollError\(|failed\(|refuse\(|\d:)\s*'(ERR_\w+)'/g,
    ))
      thrown.add(code);
  }
  t.deepEqual([...union('PackageErrorCode')].toSorted(), [...thrown].toSorted());
});

test('every optional property may be undefined, for exactOptionalPropertyTypes', (t) => {
  for (const name of declarations) {
    const optional = read(name).match(/^ +(?:readonly )?\w+\?: [^;]*;/gm) ?? [];
    const strict = optional.filter((line) => !/\| undefined;$|: undefined;$/.test(line));
    t.deepEqual(strict, [], `${name}: ${strict.length} of ${optional.length}`);
  }
});
