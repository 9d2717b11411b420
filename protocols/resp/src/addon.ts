/** The addon of this package, typed. */
// scripts/lib/loader.mjs makes it, by edgepoll's own loader.
// oxlint-disable-next-line import/default -- it is what `export =` of a CommonJS module exports
import loaded from './internal/addon.cjs';

interface Addon {
  resp(options: object | undefined): object;
  respClient(options: object | undefined): object;
}

if (loaded.error !== undefined) throw loaded.error;

export const addon: Addon = loaded.addon as Addon;
