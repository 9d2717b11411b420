/**
 * Every program of README.md, of docs/ and of the READMEs in protocols/ runs and does what its text says. The types matrix compiles them too.
 * The documents and the tables in `drives/` must name the same programs, so that no program is left out.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { root } from '../support/process.js';
import { descriptors } from './drives/descriptors.js';
import type { Drives } from './drives/drive.js';
import { guides } from './drives/guides.js';
import { limits } from './drives/limits.js';
import { migrating } from './drives/migrating.js';
import { plugins } from './drives/plugins.js';
import { readme } from './drives/readme.js';
import { recipes } from './drives/recipes.js';

/** A program of a document, ready to run. */
interface Program {
  name: string;
  file: string;
}

/** Each program gets a loopback address of its own in place of 127.0.0.1, so that all can use port 7000. */
function loopback(index: number): string {
  return `127.${100 + index}.${(process.pid >> 8) & 255}.${process.pid & 255}`;
}

const drives: Drives = {
  ...readme,
  ...guides,
  ...recipes,
  ...limits,
  ...descriptors,
  ...migrating,
  ...plugins,
};

/** Programs that cannot run here, and why. The types matrix compiles them all the same. */
const notRun: Record<string, string> = {
  gpio: 'needs an exported GPIO pin',
  pressure:
    'waits until memory is short; readiness/once-only-events.spec.ts has the same trigger with CPU pressure',
  'bun-children': 'calls Bun.spawn()',
  'from-bun-before': 'calls Bun.listen()',
};

const folderOfAll = join(root, `build/documents-${process.pid}`);
const made = spawnSync(process.execPath, ['scripts/doc-programs.mjs', folderOfAll], {
  cwd: root,
  encoding: 'utf8',
});
const programs = (
  made.status === 0 ? JSON.parse(readFileSync(join(folderOfAll, 'programs.json'), 'utf8')) : []
) as Program[];
test.after.always(() => rmSync(folderOfAll, { recursive: true, force: true }));

test('each program of the documents has a test, or a reason why it cannot run here', (t) => {
  t.is(made.status, 0, made.stdout + made.stderr);
  const known = [...Object.keys(drives), ...Object.keys(notRun)];
  t.deepEqual(programs.map(({ name }) => name).toSorted(), known.toSorted());
});

for (const [index, { name, file }] of programs.entries()) {
  const drive = drives[name];
  if (drive !== undefined) {
    test(`${name} runs`, async (t) => {
      const path = join(folderOfAll, file);
      const host = loopback(index);
      if (file.endsWith('js')) {
        const text = readFileSync(path, 'utf8').replaceAll('127.0.0.1', host);
        writeFileSync(path, text);
      }
      await drive(t, path, host);
    });
  }
}
