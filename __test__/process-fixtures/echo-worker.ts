/** An echo server in a worker: tells its port, serves `connections` of them, closes, and comes to its own end. */
import { parentPort, workerData } from 'node:worker_threads';

import type { Driver } from 'edgepoll';
import { listen } from 'edgepoll';

const { driver, connections } = workerData as { driver: Driver; connections: number };
const server = await listen({ host: '127.0.0.1', port: 0, driver });
parentPort?.postMessage(server.address.port, []);
let count = 0;
for await (const connection of server) {
  void (async () => {
    for await (const chunk of connection) await connection.write(chunk);
  })();
  count += 1;
  if (count === connections) break;
}
