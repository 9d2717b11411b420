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
  return { host: merged.host, port: Number(merged.port), values: merged };
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
