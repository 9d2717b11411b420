/**
 * Somebody waits, and the kernel refuses the look that the driver makes for him, by strace: `look-refused DRIVER KIND FIFO`.
 * KIND is an engine, whose poller waits for the pipe, or `server`, to which somebody connects. Says what nobody caught.
 */
import { constants, openSync, writeSync } from 'node:fs';
import { connect } from 'node:net';

import type { Driver, Engine } from 'edgepoll';
import { listen, Poller } from 'edgepoll';

const [driverName, kind, fifo = ''] = process.argv.slice(2);
const driver = driverName as Driver;

process.on('uncaughtException', ({ name, message }) => {
  process.stdout.write(`${JSON.stringify({ name, message })}\n`, () => process.exit());
});

if (kind === 'server') {
  const server = await listen({ host: '127.0.0.1', port: 0, driver });
  void server[Symbol.asyncIterator]().next();
  connect({ host: '127.0.0.1', port: server.address.port });
} else {
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const poller = new Poller({ driver, engine: kind as Engine });
  poller.register(fd);
  void poller.poll();
  // A turn later: it is the driver's look that finds it.
  setImmediate(() => writeSync(fd, 'x'));
}
// Without an exception nothing else ends this.
setInterval(() => {}, 1000);
