/**
 * A connection that is not read, whose peer then ends or resets it, and a second of nothing between two marks for
 * strace: `hazard-paused DRIVER fin|reset`. Says what the connection told when it was read at last.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setImmediate as turn, setTimeout as second } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { listen } from 'edgepoll';

import { mark } from './mark.js';

/** What the kernel has of the sockets of that port: their states and queues (proc_net_tcp.txt), without the timers. */
function sockets(port: number): string {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'latin1').split('\n');
  const ours = lines.map((line) => line.trim().split(/\s+/, 5).slice(1));
  return ours.filter((fields) => fields.some((field) => field.endsWith(suffix))).join('\n');
}

/** Until nothing has moved for a hundred turns; a straggler after that is one of the waits that are allowed. */
async function settle(port: number): Promise<void> {
  let last = '';
  for (let same = 0; same < 100; same += 1) {
    await turn();
    const now = sockets(port);
    if (now !== last) same = 0;
    last = now;
  }
}

const [driver, how] = process.argv.slice(2);
const host = '127.0.0.1';
const server = await listen({ host, port: 0, driver: driver as Driver, readHighWaterMark: 1 });
const peer = connect({ port: server.address.port, host });
const { value: connection } = await server[Symbol.asyncIterator]().next();
if (connection === undefined) throw new Error('nobody came');
// More than a look takes before it pauses, so that the end lies behind bytes that nobody wants.
peer.write(Buffer.alloc(1_048_576));
await settle(server.address.port);
if (how === 'fin') peer.end();
else peer.resetAndDestroy();
await once(peer, how === 'fin' ? 'finish' : 'close');
await settle(server.address.port);
// What the settling left behind is cleared away by tasks of the engine's own, each of which would end a wait.
globalThis.gc?.();
for (let turns = 0; turns < 10; turns += 1) await turn();

mark('begin');
await second(1000);
mark('end');

let bytes = 0;
let told = 'the end';
try {
  for await (const chunk of connection) bytes += chunk.length;
} catch (error) {
  told = String((error as NodeJS.ErrnoException).code);
}
process.stdout.write(`${JSON.stringify({ whole: bytes === 1_048_576, told })}\n`);
server.destroy();
peer.destroy();
