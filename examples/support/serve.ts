/** What every example server needs: --host and --port, the ready line, and a clean end on Ctrl-C. */
import { parseArgs } from 'node:util';

import type { Server } from 'edgepoll';

/** Reads `--host`, `--port` and the example's own options, given with their defaults. */
export function parseServerArguments<T extends Record<string, string>>(
  defaults: T,
): { host: string; port: number; values: T } {
  const options = { host: '127.0.0.1', port: '7000', ...defaults };
  const { values } = parseArgs({
    options: Object.fromEntries(
      Object.entries(options).map(([name, value]) => [
        name,
        { type: 'string' as const, default: value },
      ]),
    ),
  });
  const merged = { ...options, ...values } as typeof options;
  return { host: merged.host, port: portOf(merged.port), values: merged };
}

/** Number() would take '' for 0 and '0x10' for 16; the range is listen()'s to check. */
function portOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new RangeError(`--port must be an integer from 0 to 65535, not '${text}'`);
}

/** Says where the server listens, serves until a signal comes, and ends. */
export async function serve(server: Server, run: (server: Server) => Promise<void>): Promise<void> {
  const { address, port } = server.address;
  // A second Ctrl-C must not find the default action back.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.destroy());
  process.stdout.write(`listening on ${address}:${port} pid ${process.pid}\n`);
  await run(server);
  await server.closed;
}
