// The process that must end as it began: servers of both drivers and styles, servers that are aborted, servers in workers that are
// terminated, and connects that are aborted. scripts/soak.mjs starts it and talks to it by messages.

import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { connect, listen } from 'edgepoll';
import { serve } from './serving.mjs';

const host = '127.0.0.1';
const kinds = ['uv', 'thread'].flatMap((driver) =>
  ['loops', 'events'].map((style) => ({ driver, style })),
);
/** Milliseconds that a worker lives, and that a server lives before its signal aborts. */
const life = 700;

const counts = { closed: 0, workers: 0, aborted: 0, connects: 0, uncaught: [] };
const servers = await Promise.all(kinds.map(({ driver }) => listen({ host, port: 0, driver })));
const serving = servers.map(
  async (server, index) => await serve(server, kinds[index].style, () => (counts.closed += 1)),
);

let random = Number(process.argv[2]);
/** A number below `most`, from a fixed sequence. */
function below(most) {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
  return (random >>> 8) % most;
}

const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const state = { isBusy: false };
let running = [];

/** Starts a server in a worker, names its port, and terminates the worker in the middle of its traffic. */
async function loseWorkers(kind) {
  while (state.isBusy) {
    const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData: kind });
    const port = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    process.send({ brief: port });
    await later(life + below(life));
    await worker.terminate();
    counts.workers += 1;
  }
}

/** Starts a server, names its port, and aborts its signal in the middle of its traffic. */
async function abortServers({ driver, style }) {
  while (state.isBusy) {
    const control = new AbortController();
    const server = await listen({ host, port: 0, driver, signal: control.signal });
    const served = serve(server, style, () => {});
    process.send({ brief: server.address.port });
    await later(life + below(life));
    control.abort(new Error('enough'));
    await served.then(
      () => counts.uncaught.push('an aborted server ended without the reason'),
      (error) => error.message === 'enough' || counts.uncaught.push(String(error.stack)),
    );
    await server.closed;
    counts.aborted += 1;
  }
}

/** Connects, and aborts the connect at any moment, or leaves it to be used. */
async function abortConnects(driver) {
  while (state.isBusy) {
    const port = servers[below(servers.length)].address.port;
    const control = new AbortController();
    const connecting = connect({ host, port, driver, signal: control.signal });
    if (below(3) > 0) {
      await (below(2) === 0 ? undefined : later(below(3)));
      control.abort();
    }
    const connection = await connecting.catch((error) => {
      if (error.name !== 'AbortError') throw error;
    });
    if (connection !== undefined) {
      await connection.end('E and the rest').catch(() => {});
      while ((await connection.read().catch(() => null)) !== null);
      await connection.closed;
    }
    counts.connects += 1;
  }
}

function start() {
  state.isBusy = true;
  running = [
    ...kinds.flatMap((kind) => [loseWorkers(kind), abortServers(kind)]),
    abortConnects('uv'),
    abortConnects('thread'),
  ];
}

async function stop() {
  state.isBusy = false;
  await Promise.all(running);
}

/** What the process uses. `settled`: after its garbage is collected. */
async function sample(settled) {
  const collections = settled ? 5 : 0;
  for (let round = 0; round < collections; round += 1) {
    globalThis.gc();
    await later(20);
  }
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const stats = servers.map((server) => server.stats());
  const sum = (name) => stats.reduce((total, each) => total + each[name], 0);
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    rss,
    heapUsed,
    arrayBuffers,
    accepted: sum('accepted'),
    open: sum('open'),
    pending: sum('pending'),
    ...counts,
  };
}

const orders = { start, stop, sample };
process.on('message', async ({ order, settled }) => {
  process.send({ answer: await orders[order]?.(settled) });
  if (order === 'end') {
    for (const server of servers) server.destroy();
    await Promise.all(serving);
    process.disconnect();
  }
});
process.on('uncaughtException', (error) => counts.uncaught.push(String(error.stack)));
process.send({ ports: servers.map((server) => server.address.port) });
