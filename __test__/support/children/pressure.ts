// Prints by how many bytes this process grows in two cases: 100 peers send without end and the consumer reads nothing, and
// 100 peers read nothing while each connection waits for write(). The peers run in another process, so that their memory
// is not counted.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { Connection, Server } from 'edgepoll';
import { listen } from 'edgepoll';

import { eventually, rounds } from '../eventually.js';

const PEERS = 100;

const peers = `
  const net = require('node:net');
  const [port, mode] = process.argv.slice(1);
  // A paused socket does not keep its process alive.
  setInterval(() => {}, 1000);
  const block = Buffer.alloc(1 << 20, 0x61);
  for (let count = 0; count < ${PEERS}; count += 1) {
    const socket = net.connect({ port: Number(port), host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.pause();
    if (mode === 'flood') {
      const more = () => { while (socket.write(block)); };
      socket.on('connect', more).on('drain', more);
    }
  }
`;

function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss;
}

async function grow(
  mode: 'flood' | 'silent',
  stuck: (all: Connection[], server: Server) => Promise<void>,
): Promise<number> {
  const server: Server = await listen({ host: '127.0.0.1', port: 0, maxPending: PEERS });
  const before = memory();
  const child = spawn(process.execPath, ['-e', peers, String(server.address.port), mode]);
  const all: Connection[] = [];
  for await (const connection of server) {
    all.push(connection);
    if (all.length === PEERS) break;
  }
  await stuck(all, server);
  const after = memory();
  server.destroy();
  child.kill();
  await once(child, 'exit');
  return after - before;
}

const flooded = await grow('flood', async (all) => {
  const total = (): number => all.reduce((sum, connection) => sum + connection.bytesRead, 0);
  await eventually('every peer is read', () => all.every(({ bytesRead }) => bytesRead > 32_768));
  for (let last = -1; last !== total();) {
    last = total();
    await rounds(100);
  }
});

const unread = await grow('silent', async (all, server) => {
  const block = Buffer.alloc(65_536, 0x62);
  let waiting = 0;
  for (const connection of all) {
    void (async () => {
      for (;;) {
        const free = connection.bufferedAmount < 65_536;
        const written = connection.write(block);
        if (free && connection.bufferedAmount >= 65_536) waiting += 1;
        await written;
      }
    })().catch((error: unknown) => {
      // At the end of the measurement the server is destroyed.
      if (server.connections.size > 0) throw error;
    });
  }
  await eventually('every writer waits', () => waiting >= PEERS);
  await rounds(100);
});

process.stdout.write(JSON.stringify({ flooded, unread }));
