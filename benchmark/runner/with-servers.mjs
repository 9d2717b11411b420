// Starts the selected servers, calls a function with them, and stops them even if it fails.

import { progress } from './progress.mjs';
import { Server } from './server-process.mjs';

/**
 * @template T
 * @param {import('./main.mjs').Setup} setup
 * @param {{ collecting: boolean }} mode
 * @param {(servers: Server[]) => Promise<T>} use
 * @param {import('./servers.mjs').ServerSpec[]} [specs]
 * @returns {Promise<T>}
 */
export async function withServers(setup, mode, use, specs = setup.servers) {
  /** @type {Server[]} */
  const servers = [];
  try {
    for (const spec of specs) {
      progress(`starting ${spec.name}`);
      servers.push(await Server.start(spec, setup.options.cpus.server, mode));
    }
    return await use(servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}
