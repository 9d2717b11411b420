// The idle benchmark: the memory that a connection costs while it is silent, and the wake-ups of a silent server.
// Every round starts fresh servers, because a process may keep memory that it once had.

import { setTimeout as sleep } from 'node:timers/promises';
import { Load } from './load-process.mjs';
import { progress } from './progress.mjs';
import { spread } from './statistics.mjs';
import { withServers } from './with-servers.mjs';

/** Opened and closed before the first reading, so that code pages and first buffers are not counted as a connection's cost. */
const WARM_CONNECTIONS = 64;
const QUIET_MS = 1000;
const CLOSE_TIMEOUT_MS = 10_000;

/** @typedef {{ rss: number, pss: number, anonymous: number, wakeups: number }} IdleRound bytes per connection, wake-ups per second of the whole server */
/** @typedef {Record<'rss' | 'pss' | 'anonymous' | 'wakeups', import('./statistics.mjs').Spread> & { rounds: IdleRound[] }} IdleSummary */

/** @param {import('./main.mjs').Setup} setup */
export async function idle(setup) {
  const { rounds: count = 7, idleConnections: connections } = setup.options;
  /** @type {Record<string, IdleRound[]>} */
  const measured = Object.fromEntries(setup.servers.map((spec) => [spec.name, []]));
  for (let round = 0; round < count; round += 1) {
    for (const spec of setup.servers) {
      progress(`${connections} idle connections: round ${round + 1} of ${count}, ${spec.name}`);
      const use = (/** @type {import('./server-process.mjs').Server[]} */ [server]) =>
        hold(setup.load, server, connections);
      measured[spec.name].push(await withServers(setup, { collecting: true }, use, [spec]));
    }
  }
  const servers = Object.fromEntries(
    Object.entries(measured).map(([name, rounds]) => [name, summarize(rounds)]),
  );
  return { connections, servers };
}

/**
 * @param {import('./load-process.mjs').LoadProgram} program
 * @param {import('./server-process.mjs').Server} server
 * @param {number} connections
 * @returns {Promise<IdleRound>}
 */
async function hold(program, server, connections) {
  const descriptors = server.descriptors();
  const warm = await Load.open(program, server, {
    mode: 'echo',
    connections: WARM_CONNECTIONS,
    verify: 16,
  });
  await warm.close();
  await closed(server, descriptors);
  await server.collect();
  const before = server.memory();
  const load = await Load.open(program, server, { mode: 'echo', connections, verify: 1 });
  await server.collect();
  const after = server.memory();
  const sleeps = server.sleeps();
  await sleep(QUIET_MS);
  const wakeups = ((server.sleeps() - sleeps) * 1000) / QUIET_MS;
  await load.close();
  return {
    rss: (after.rss - before.rss) / connections,
    pss: (after.pss - before.pss) / connections,
    anonymous: (after.anonymous - before.anonymous) / connections,
    wakeups,
  };
}

/** Waits until the server has closed the connections that its peers have closed. @param {import('./server-process.mjs').Server} server @param {number} descriptors */
async function closed(server, descriptors) {
  const deadline = Date.now() + CLOSE_TIMEOUT_MS;
  // A runtime may open a few descriptors for itself at the first connection.
  while (server.descriptors() > descriptors + 8) {
    if (Date.now() > deadline)
      throw new Error(`${server.name} does not close connections that its peers have closed`);
    await sleep(10);
  }
}

/** @param {IdleRound[]} rounds @returns {IdleSummary} */
function summarize(rounds) {
  return {
    rss: spread(rounds.map((round) => round.rss)),
    pss: spread(rounds.map((round) => round.pss)),
    anonymous: spread(rounds.map((round) => round.anonymous)),
    wakeups: spread(rounds.map((round) => round.wakeups)),
    rounds,
  };
}
