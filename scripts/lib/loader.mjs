// The loader of the addons of protocols/: edgepoll's own, with the protocol's package in edgepoll's place.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { inProject } from './root.mjs';
import { SetupError } from './toolchain.mjs';

const folder = 'internal';
/** What all packages have alike. */
const shared = ['addon', 'addon-error', 'addon-file', 'load-addon'];
/** What names the package. */
const named = 'addon-package';

/** What it is made from. */
export const loaderSources = [...shared, named].map((name) => `src/${folder}/${name}.cts`);

/** Puts the loader into `dist`, the compiled modules of the package `packageName`. */
export function addLoader(dist, packageName) {
  const compiled = inProject(`dist/${folder}`);
  if (!existsSync(`${compiled}/${named}.cjs`))
    throw new SetupError('dist/ is not compiled: run `npm run build`.');
  mkdirSync(`${dist}/${folder}`, { recursive: true });
  for (const name of shared) cpSync(`${compiled}/${name}.cjs`, `${dist}/${folder}/${name}.cjs`);
  const text = readFileSync(`${compiled}/${named}.cjs`, 'utf8')
    .replaceAll('edgepoll', packageName)
    .replaceAll('EDGEPOLL', packageName.toUpperCase().replaceAll('-', '_'));
  writeFileSync(`${dist}/${folder}/${named}.cjs`, text);
}
