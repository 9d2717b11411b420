// A server in a worker, which is terminated while its connections are busy. Posts its port.

import { parentPort, workerData } from 'node:worker_threads';
import { listen } from 'edgepoll';
import { serve } from './serving.mjs';

const server = await listen({ host: '127.0.0.1', port: 0, driver: workerData.driver });
parentPort.postMessage(server.address.port, []);
await serve(server, workerData.style, () => {});
