/**
 * What util.inspect() and console.log() show of the package's objects: their state, in one line where it fits.
 * It must never throw, nor make a system call about what is closed.
 */
import type { InspectOptionsStylized } from 'node:util';
import { inspect } from 'node:util';

/** An endpoint as people write it: `127.0.0.1:7000`, `[::1]:7000`. */
export function endpoint(
  address: { address: string; port: number } | undefined,
): string | undefined {
  if (address === undefined) return undefined;
  const { address: host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Lets a class's objects be shown by what `describe` gives of one; `undefined` is for what only looks like one: a proxy, an
 * object with its prototype.
 */
export function showAs<T extends object>(
  { prototype }: { prototype: T },
  describe: (object: T) => Record<string, unknown> | undefined,
): void {
  const show = function show(this: T, depth: number, options: InspectOptionsStylized): string {
    const { name } = this.constructor;
    if (depth < 0) return options.stylize(`[${name}]`, 'special');
    // The depth is that of this object's own properties, which an options object would count from its top.
    return `${name} ${inspect(describe(this) ?? {}, { ...options, depth: options.depth === null ? null : depth })}`;
  };
  // Not a method: a type that named Node.js's symbol would be a part of the public API.
  Object.defineProperty(prototype, inspect.custom, {
    value: show,
    configurable: true,
    writable: true,
  });
}
