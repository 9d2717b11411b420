/** Loads the addon, which scripts/build.mjs makes. */
import { createRequire } from 'node:module';

import { target } from './target.js';

interface Addon {
  protocolName(options: object | undefined): object;
}

function load(): Addon {
  const require = createRequire(import.meta.url);
  try {
    return require(`../native/edgepoll-protocol-name.${target}.node`) as Addon;
  } catch (cause) {
    throw new Error(`edgepoll-protocol-name has no addon for ${target}`, { cause });
  }
}

export const addon: Addon = load();
