/** Watches one descriptor so often that the kernel refuses: `many-watchers DRIVER`. Prints what came of it. */
import { EdgepollError, watch } from 'edgepoll';
import type { Driver } from 'edgepoll';
import { eventfd } from 'edgepoll/fd';

const driver = process.argv[2] as Driver;
const counter = eventfd();
const waits: Promise<unknown>[] = [];
let refusal: unknown;
// The kernel allows 500 ways from a file through one epoll descriptor to another (fs/eventpoll.c).
for (let count = 0; count < 600 && refusal === undefined; count += 1) {
  try {
    waits.push(watch(counter.fd, { driver }).next());
  } catch (error) {
    refusal = error;
  }
  if (count % 10 === 9) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
counter.write(1n);
const told = await Promise.all(waits);
const code = refusal instanceof EdgepollError ? refusal.code : String(refusal);
console.log(JSON.stringify({ code, told: told.length }));
process.exit();
