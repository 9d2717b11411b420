// Keeps 20,000 chunks of 512 bytes, each received alone, and prints by how many bytes the process's buffers grew.
import { once } from 'node:events';
import { connect } from 'node:net';

import { listen } from 'edgepoll';

const COUNT = 20_000;
const SIZE = 512;

function buffers(): number {
  globalThis.gc?.();
  return process.memoryUsage().arrayBuffers;
}

const server = await listen({ host: '127.0.0.1', port: 0 });
const peer = connect({ port: server.address.port, host: '127.0.0.1', noDelay: true });
const message = Buffer.alloc(SIZE, 0x61);
const kept: Buffer[] = [];
for await (const connection of server) {
  const before = buffers();
  while (kept.length < COUNT) {
    peer.write(message);
    const chunk = await connection.read();
    if (chunk?.length !== SIZE) throw new Error(`a chunk of ${chunk?.length} bytes`);
    kept.push(chunk);
  }
  const small = buffers() - before;
  const total = kept.reduce((sum, { length }) => sum + length, 0);
  process.stdout.write(JSON.stringify({ small, kept: total }));
  peer.destroy();
  await once(peer, 'close');
  server.destroy();
}
