/** Finds and loads the addon of this package. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Addon {
  resp(options: object | undefined): object;
  respClient(options: object | undefined): object;
}

/** Where a clone has its own addon. */
const built = fileURLToPath(new URL('../native/edgepoll-resp.node', import.meta.url));

/** Finds the addon, in this order: the file in EDGEPOLL_RESP_ADDON, the one that a clone has built, the optional dependency. */
function load(): Addon {
  const chosen = process.env['EDGEPOLL_RESP_ADDON'];
  if (chosen) return open(resolve(chosen));
  if (existsSync(built)) return open(built);
  return fromPackage();
}

function open(file: string): Addon {
  const into: { exports: unknown } = { exports: {} };
  process.dlopen(into, file);
  return into.exports as Addon;
}

/** Loads the package for this processor and C library. */
function fromPackage(): Addon {
  const require = createRequire(import.meta.url);
  const { arch } = process;
  const abi = arch === 'arm' ? 'eabihf' : '';
  const names = ['gnu', 'musl'].map((libc) => `edgepoll-resp-linux-${arch}-${libc}${abi}`);
  const errors: unknown[] = [];
  for (const name of names) {
    try {
      return require(name) as Addon;
    } catch (error) {
      errors.push(error);
    }
  }
  const message = `edgepoll-resp: none of its addons ${names.join(' and ')} can be loaded: install one of them, or give the path of an addon in EDGEPOLL_RESP_ADDON`;
  throw Object.assign(new AggregateError(errors, message), { code: 'ERR_ADDON_MISSING' });
}

export const addon: Addon = load();
