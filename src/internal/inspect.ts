/**
 * What util.inspect() and console.log() show of the package's objects: their state, in one line where it fits.
 * This code never throws, and makes no system call for a closed object.
 */
import type { InspectOptionsStylized } from 'node:util';
import { inspect } from 'node:util';

/** An address with its port, in the usual form: `127.0.0.1:7000`, `[::1]:7000`. */
export function endpoint(
  address: { address: string; port: number } | undefined,
): string | undefined {
  if (address === undefined) return undefined;
  const { address: host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Makes util.inspect() show the objects of a class by the result of `describe`. It returns `undefined` for a value that only
 * inherits from the class, such as a proxy or an object with its prototype.
 */
export function showAs<T extends object>(
  { prototype }: { prototype: T },
  describe: (object: T) => Record<string, unknown> | undefined,
): void {
  const show = function show(this: T, depth: number, options: InspectOptionsStylized): string {
    const { name } = this.constructor;
    if (depth < 0) return options.stylize(`[${name}]`, 'special');
    // `depth` is what is left for this object's properties; `options.depth` would count from the outermost object.
    return `${name} ${inspect(describe(this) ?? {}, { ...options, depth: options.depth === null ? null : depth })}`;
  };
  // Not a method of the class: its type would make Node.js's symbol a part of the public API.
  Object.defineProperty(prototype, inspect.custom, {
    value: show,
    configurable: true,
    writable: true,
  });
}
