/**
 * A connection that is not read, whose peer then ends or resets it, and a second of nothing between two marks for
 * strace: `hazard-paused DRIVER fin|reset`. Says what the connection told when it was read at last.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as turn, setTimeout as second } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { listen } from 'edgepoll';

import { mark } from './mark.js';

/** What is under way on loopback arrives within a few turns; a straggler is one of the waits that are allowed. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 100; turns += 1) await turn();
}

const [driver, how] = process.argv.slice(2);
const host = '127.0.0.1';
const server = await listen({ host, port: 0, driver: driver as Driver, readHighWaterMark: 1 });
const peer = connect({ port: server.address.port, host });
const { value: connection } = await server[Symbol.asyncIterator]().next();
if (connection === undefined) throw new Error('nobody came');
// More than a look takes before it pauses, so that the end lies behind bytes that nobody wants.
peer.write(Buffer.alloc(1_048_576));
await settle();
if (how === 'fin') peer.end();
else peer.resetAndDestroy();
await once(peer, how === 'fin' ? 'finish' : 'close');
await settle();

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
