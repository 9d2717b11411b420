/** Connects to PATH, takes the descriptors that come, reads each to its end, and says what was in them. */
import { readFileSync } from 'node:fs';

import { socket } from 'edgepoll/fd';

const client = socket('unix', 'stream');
client.connect({ family: 'unix', path: process.argv[2] ?? '' });
client.send('here');
const told: string[] = [];
const flags: boolean[] = [];
for await (const message of client.values({ descriptors: 253 })) {
  for (const descriptor of message.descriptors) {
    const space = Buffer.alloc(64);
    told.push(space.toString('utf8', 0, descriptor.read(space) ?? 0));
    const info = readFileSync(`/proc/self/fdinfo/${descriptor.fd}`, 'utf8');
    // O_CLOEXEC
    flags.push((Number.parseInt(/flags:\s*(\d+)/.exec(info)?.[1] ?? '', 8) & 0o2000000) !== 0);
    descriptor.close();
  }
}
client.close();
process.stdout.write(`${JSON.stringify({ told, closeOnExec: flags.every(Boolean) })}\n`);
