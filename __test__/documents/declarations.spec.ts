// The public declarations keep their rules: every error code is in ErrorCode, every optional property admits undefined.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { root } from '../support/process.js';

const binding = new URL('../native/binding.js', import.meta.resolve('edgepoll')).href;
const native = (await import(binding)) as {
  errorName(errno: number): string;
  errorText(errno: number): string;
};

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
    for (const [, code = ''] of text.matchAll(/(?:EdgepollError|failed)\(\s*'(ERR_\w+)'/g))
      thrown.add(code);
  }
  t.deepEqual([...union('PackageErrorCode')].toSorted(), [...thrown].toSorted());
});

/** The rows of the tables of docs/errors.md, by the code in the first column. */
function errorRows(): Map<string, string> {
  const map = new Map<string, string>();
  const rows = read('docs/errors.md').matchAll(/^\| ((?:`\w+`(?:, )?)+) \| (.*) \|$/gm);
  for (const [, codes = '', rest = ''] of rows) {
    for (const [, code = ''] of codes.matchAll(/`(E\w+|UNKNOWN)`/g)) {
      if (map.has(code)) throw new Error(`docs/errors.md has ${code} twice`);
      map.set(code, rest);
    }
  }
  return map;
}

test('docs/errors.md has every code once, and no other', (t) => {
  const ofArguments = new Set<string>();
  for (const name of ['validate.ts', 'option-names.ts']) {
    const text = read(`src/internal/${name}`);
    for (const [, code = ''] of text.matchAll(/'(ERR_\w+)'/g)) ofArguments.add(code);
  }
  t.true(ofArguments.size > 0);
  const expected = [...union('PackageErrorCode'), ...union('SystemErrorCode'), ...ofArguments];
  t.deepEqual([...errorRows().keys()].toSorted(), expected.toSorted());
});

test('docs/errors.md has the words of the error messages for the codes that it does not explain', (t) => {
  const texts = new Map<string, string>();
  for (let errno = 1; errno <= 4095; errno += 1) {
    const name = native.errorName(errno);
    if (name !== 'UNKNOWN' && !texts.has(name)) texts.set(name, native.errorText(errno));
  }
  const short = [...errorRows()].filter(([code, rest]) => texts.has(code) && !rest.includes('|'));
  t.true(short.length > 50);
  for (const [code, rest] of short) t.is(rest, texts.get(code) ?? '', code);
});

test('every optional property may be undefined, for exactOptionalPropertyTypes', (t) => {
  for (const name of declarations) {
    const optional = read(name).match(/^ +(?:readonly )?\w+\?: [^;]*;/gm) ?? [];
    const strict = optional.filter((line) => !/\| undefined;$|: undefined;$/.test(line));
    t.deepEqual(strict, [], `${name}: ${strict.length} of ${optional.length}`);
  }
});
