/** The stand-in for ava must fail where ava fails, or a green run under Bun and Deno would prove nothing. */
import { fileURLToPath } from 'node:url';

import test from 'ava';

import { run } from '../support/process.js';
import { names } from './shim-cases.js';

const path = (name: string): string => fileURLToPath(new URL(`${name}.js`, import.meta.url));

for (const name of names) {
  test(`stand-in: ${name}`, async (t) => {
    const { code, stdout } = await run(process.execPath, [path('run'), path('shim-cases'), name]);
    const lines = stdout.trimEnd().split('\n');
    const last = lines.at(-1) ?? '';
    if (name.startsWith('bad')) {
      t.is(code, 1, stdout);
      t.regex(last, /^\d+ passed, [1-9]\d* failed$/);
    } else {
      t.is(code, 0, stdout);
      t.is(last, name.startsWith('good') ? '3 passed, 0 failed' : '1 passed, 0 failed');
      t.is(lines.includes('1 skipped'), name.startsWith('skipped'));
    }
  });
}
