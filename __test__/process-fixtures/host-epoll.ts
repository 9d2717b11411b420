/**
 * Registers every epoll descriptor of the process, the host loop's among them: before the loop has seen the poller,
 * while it does not watch it, and when it begins to again. Prints the codes of the refusals.
 */
import { readdirSync, readlinkSync } from 'node:fs';

import { EdgepollError, Poller } from 'edgepoll';
import { eventfd } from 'edgepoll/fd';

function codes(poller: Poller, hosts: number[]): string[] {
  return hosts.map((fd) => {
    try {
      poller.register(fd).unregister();
      return 'taken';
    } catch (error) {
      return error instanceof EdgepollError ? error.code : String(error);
    }
  });
}

const hosts = readdirSync('/proc/self/fd')
  .map(Number)
  .filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventpoll]';
    } catch {
      return false;
    }
  });
const poller = new Poller();
const first = codes(poller, hosts);
const counter = eventfd();
poller.register(counter.fd);
counter.write(1n);
// The second wait is over before its event comes: then nobody waits, and the driver stops.
await poller.poll({ timeout: 1000 });
await poller.poll({ timeout: 0 });
await new Promise((resolve) => {
  setImmediate(resolve);
});
const idle = codes(poller, hosts);
const waiting = poller.poll({ timeout: 1000 });
// What was taken in while nobody waited is out again, until the loop comes round.
const begun = codes(poller, hosts);
const events = await waiting;
counter.close();
poller.close();
console.log(JSON.stringify({ first, idle, begun, events: events.length }));
