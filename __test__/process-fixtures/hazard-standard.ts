/** Watches the three standard descriptors, which are pipes here: `hazard-standard DRIVER`. Says which could be. */
import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const poller = new Poller({ driver: process.argv[2] as Driver });
const watched = [0, 1, 2].map((fd) => poller.register(fd, { readable: true, writable: true }).fd);
await poller.poll();
poller.close();
process.stdout.write(`${JSON.stringify(watched)}\n`);
