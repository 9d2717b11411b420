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
    const { code, message } = cause as NodeJS.ErrnoException;
    const isMissing = code === 'MODULE_NOT_FOUND';
    const reason = isMissing ? `has no addon for ${target}` : `does not load: ${message}`;
    const error = new Error(`edgepoll-protocol-name ${reason}`, { cause });
    throw Object.assign(error, { code: isMissing ? 'ERR_ADDON_MISSING' : 'ERR_ADDON_NOT_LOADED' });
  }
}

export const addon: Addon = load();
