/** What every example server needs: --host and --port, the ready line, and a clean end on Ctrl-C. */
import { parseArgs } from 'node:util';

import type { Server } from 'edgepoll';

import { refuse } from './end.js';

/** Reads `--host`, `--port` and the example's own options, whose defaults are in `defaults`. */
export function parseServerArguments<T extends Record<string, string>>(
  name: string,
  usage: string,
  defaults: T,
): { host: string; port: number; values: T } {
  const options = { host: '127.0.0.1', port: '7000', ...defaults };
  try {
    const { values } = parseArgs({
      options: Object.fromEntries(
        Object.entries(options).map(([option, value]) => [
          option,
          { type: 'string' as const, default: value },
        ]),
      ),
    });
    const merged = { ...options, ...values } as typeof options;
    return { host: merged.host, port: portOf(merged.port), values: merged };
  } catch (error) {
    return refuse(name, error, usage);
  }
}

/** Accepts digits only, because Number('') is 0 and Number('0x10') is 16. `listen()` checks the range. */
function portOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new RangeError(`--port must be an integer from 0 to 65535, not '${text}'`);
}

/** Prints where the server listens, serves until a signal comes, and resolves when the server is closed. */
export async function serve<In, Out>(
  server: Server<unknown, In, Out>,
  run: (server: Server<unknown, In, Out>) => Promise<void>,
): Promise<void> {
  const { address, port } = server.address;
  // The listeners stay after the first signal, so that a second Ctrl-C does not kill the process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.destroy());
  process.stdout.write(`listening on ${address}:${port} pid ${process.pid}\n`);
  await run(server);
  await server.closed;
}
