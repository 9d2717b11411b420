// Writes a result as JSON, and its charts beside it.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { draw } from './readiness/svg.mjs';

/** @param {string} file @param {object} document @param {import('./readiness/svg.mjs').Chart[]} charts written beside it */
export async function write(file, document, charts) {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  writeFileSync(file, `${JSON.stringify(document, null, 1)}\n`);
  const base = file.replace(/\.json$/, '');
  const written = [file];
  for (const { name, svg } of await draw(charts)) {
    written.push(`${base}-${name}.svg`);
    writeFileSync(`${base}-${name}.svg`, svg);
  }
  console.log(`Written: ${written.join(', ')}`);
}
