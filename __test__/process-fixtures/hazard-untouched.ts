/**
 * A pipe that is watched through everything that a poller can do: `hazard-untouched DRIVER FIFO`. strace says whether
 * anybody read, wrote or changed it meanwhile.
 */
import { constants, openSync, writeSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

import { mark } from './mark.js';

const [driver, fifo = ''] = process.argv.slice(2);
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
const poller = new Poller({ driver: driver as Driver });
writeSync(fd, 'x');

mark('begin');
let events = 0;
for (const trigger of ['level', 'edge', 'oneshot', 'edge-oneshot'] as const) {
  const registration = poller.register(fd, { trigger });
  events += (await poller.poll()).length;
  registration.modify({ trigger, readable: true });
  events += (await poller.poll()).length;
  registration.unregister();
}
const duplicated = poller.register(fd, { duplicate: true });
events += (await poller.poll()).length;
duplicated.unregister();
poller.close();
mark('end');
process.stdout.write(`${events}\n`);
