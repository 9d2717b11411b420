/** Descriptors that twenty pollers leave open when they were closed and the loop has not come round: `closed-at-once DRIVER`. */
import { readdirSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';
import { eventfd } from 'edgepoll/fd';

const driver = process.argv[2] as Driver;
const watched = eventfd();
const open = (): number => readdirSync('/proc/self/fd').length;
const left = (['epoll', 'poll', 'select'] as const).map((engine) => {
  const before = open();
  for (let count = 0; count < 20; count += 1) {
    const poller = new Poller({ driver, engine });
    poller.register(watched);
    void poller[Symbol.asyncIterator]().next();
    poller.close();
  }
  return open() - before;
});
watched.close();
process.stdout.write(`${JSON.stringify(left)}\n`);
