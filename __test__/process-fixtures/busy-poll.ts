/**
 * An echo server whose peer answers at once, so that the driver may look for answers before the loop sleeps:
 * `busy-poll DRIVER answers|quiet`. Between two marks for strace are two thousand messages, or the second after them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as second } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { Driver } from 'edgepoll';
import { listen } from 'edgepoll';

import { mark } from './mark.js';

const [driver, part] = process.argv.slice(2);
const UNTIL = 2000;
const server = await listen({ host: '127.0.0.1', port: 0, driver: driver as Driver });
const answering = fileURLToPath(new URL('answering.js', import.meta.url));
const peer = spawn(process.execPath, [answering, String(server.address.port)], {
  stdio: 'inherit',
});
let unanswered = (): void => {};
const silence = new Promise<void>((resolve) => {
  unanswered = resolve;
});
const exit = once(peer, 'exit');
let echoes = 0;
const served = (async () => {
  for await (const event of server.events()) {
    if (event.type !== 'data') continue;
    echoes += 1;
    if (echoes === 1 && part === 'answers') mark('begin');
    if (echoes < UNTIL) void event.connection.write(event.data);
    else if (part === 'quiet') unanswered();
    else {
      mark('end');
      server.destroy();
    }
  }
})();
if (part === 'quiet') {
  await silence;
  mark('begin');
  await second(1000);
  mark('end');
  server.destroy();
}
await served;
await exit;
process.stdout.write(`${JSON.stringify({ echoes })}\n`);
