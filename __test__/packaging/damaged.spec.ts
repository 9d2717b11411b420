/**
 * A damaged addon is an error with a code. Without the loader's check, the dynamic linker or a call into the addon would end the process by a
 * signal. One program tries many damages of the same file.
 */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';
import test from 'ava';

import { run } from '../support/process.js';
import { addonPath, project } from './helpers.js';

/** The end of the header and of the table of segments, which the dynamic linker reads first. */
const HEADERS = 1024;

/**
 * Calls the loader once for each number of `damages`, after `damage` has changed the bytes of the addon by it. Returns the different
 * outcomes.
 */
async function outcomes(
  t: ExecutionContext,
  place: string,
  { damages, damage, file }: { damages: number[]; damage: string; file: string },
): Promise<string[]> {
  const script = join(place, 'damage.cjs');
  writeFileSync(
    script,
    `const { readFileSync, writeFileSync } = require('node:fs');
     const load = require('./node_modules/edgepoll/dist/internal/load-addon.cjs');
     const whole = readFileSync(${JSON.stringify(join(place, addonPath))});
     const damage = ${damage};
     const seen = new Set();
     for (const number of ${JSON.stringify(damages)}) {
       writeFileSync(${JSON.stringify(file)}, damage(Buffer.from(whole), number));
       try {
         load();
         seen.add('loaded ' + number);
       } catch ({ code, message }) {
         seen.add(code + message.replace(/.*: /, ' ').replaceAll(/[0-9]+/g, 'N'));
       }
     }
     console.log([...seen].join('\\n'));`,
  );
  const env = file.endsWith('chosen.node') ? { EDGEPOLL_ADDON: file } : {};
  const { code, signal, stdout, stderr } = await run(process.execPath, [script], env);
  t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, stdout);
  return stdout.trimEnd().split('\n').toSorted();
}

function lengths(size: number): number[] {
  const first = [0, 1, 3, 4, 5, 16, 63, 64, 65, 100, 500, HEADERS];
  const rest = Array.from({ length: 150 }, (_, index) => Math.floor((size * (index + 1)) / 151));
  return [...first, ...rest, size - 65, size - 2, size - 1];
}

const cutOff = [
  'ERR_ADDON_NOT_LOADED it is not an ELF file',
  'ERR_ADDON_NOT_LOADED the file is cut off',
  'ERR_ADDON_NOT_LOADED the file is cut off, with N of N bytes',
];
/** What the errors of an installed addon say after their cause. */
const remedy = '; remove node_modules and install again on this machine';
const damaged = `ERR_ADDON_NOT_LOADED the file is damaged, its checksum is not that of the published one${remedy}`;

test('cut off at any length: in the optional dependency', async (t) => {
  const place = await project(t);
  const file = join(place, addonPath);
  const damages = lengths(statSync(file).size);
  const damage = '(bytes, length) => bytes.subarray(0, length)';
  const expected = cutOff.map((text) => `${text}${remedy}`).toSorted();
  t.deepEqual(await outcomes(t, place, { damages, damage, file }), expected);
});

test('cut off at any length: in EDGEPOLL_ADDON, where no checksum is known', async (t) => {
  const place = await project(t);
  const damages = lengths(statSync(join(place, addonPath)).size);
  const damage = '(bytes, length) => bytes.subarray(0, length)';
  const file = join(place, 'chosen.node');
  t.deepEqual(await outcomes(t, place, { damages, damage, file }), cutOff);
});

test('cut off without a table of sections: the segments tell where the file must end', async (t) => {
  const place = await project(t);
  const damages = lengths(statSync(join(place, addonPath)).size).filter(
    (length) => length < 900_000,
  );
  const damage = `(bytes, length) => {
    bytes.fill(0, 40, 48);
    bytes.fill(0, 60, 62);
    return bytes.subarray(0, length);
  }`;
  const file = join(place, 'chosen.node');
  t.deepEqual(await outcomes(t, place, { damages, damage, file }), cutOff);
});

test('changed bytes, of the headers and elsewhere', async (t) => {
  const place = await project(t);
  const file = join(place, addonPath);
  const { size } = statSync(file);
  const headers = Array.from({ length: HEADERS }, (_, index) => index);
  const others = Array.from({ length: 300 }, (_, index) => Math.floor((size * (index + 1)) / 301));
  const damage = '(bytes, at) => { bytes[at] ^= 0xff; return bytes; }';
  const seen = await outcomes(t, place, { damages: [...headers, ...others], damage, file });
  t.true(seen.includes(damaged));
  t.deepEqual(
    seen.filter((text) => !text.startsWith('ERR_ADDON_NOT_LOADED ')),
    [],
  );
});

test('a file of the right length that was not written to its end', async (t) => {
  const place = await project(t);
  const file = join(place, addonPath);
  const { size } = statSync(file);
  // Its last bytes are zeros anyway.
  const damages = lengths(size).filter((length) => length < size - 1000);
  const damage = '(bytes, length) => bytes.fill(0, length)';
  const seen = await outcomes(t, place, { damages, damage, file });
  t.true(seen.includes(damaged));
  t.deepEqual(
    seen.filter((text) => !text.startsWith('ERR_ADDON_NOT_LOADED ')),
    [],
  );
});
