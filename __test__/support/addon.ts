// The addon itself, for tests of what the package does not call, or not with such arguments.
const { default: loaded } = (await import(
  new URL('internal/addon.cjs', import.meta.resolve('edgepoll')).href
)) as { default: { addon: unknown } };

/** What the addon exports. A test gives it the type that it needs. */
export const addon: unknown = loaded.addon;
