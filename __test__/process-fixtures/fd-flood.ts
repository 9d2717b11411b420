/** Descriptors that nobody asked for: how many this process has before and after 1,000 messages of 200 each. */
import { closeSync, openSync, readdirSync } from 'node:fs';

import { socketpair } from 'edgepoll/fd';

const [here, there] = socketpair();
there.setPassCredentials(true);
const file = openSync('/dev/null', 'r');
const descriptors = Array.from({ length: 200 }, () => file);
const count = (): number => readdirSync('/proc/self/fd').length;
const before = count();
const told = { kept: 0, truncated: 0, bytes: 0, most: 0 };
const space = Buffer.alloc(1);
for (let round = 0; round < 1000; round += 1) {
  if (here.sendMessage({ data: 'x', descriptors }) !== 1) throw new Error('not sent');
  if (round % 4 === 0) {
    told.bytes += there.receive(space) ?? 0;
    continue;
  }
  const message = there.receiveMessage({
    credentials: round % 2 === 0,
    // An odd number: the padding behind it has room for one more.
    descriptors: round % 4 === 3 ? 3 : 0,
  });
  if (message === null) throw new Error('not received');
  told.bytes += message.data.length;
  told.kept += message.descriptors.length;
  told.truncated += Number(message.descriptorsTruncated);
  told.most = Math.max(told.most, count());
  for (const descriptor of message.descriptors) descriptor.close();
}
const after = count();
closeSync(file);
here.close();
there.close();
const report = { ...told, most: told.most - before, leaked: after - before };
process.stdout.write(`${JSON.stringify(report)}\n`);
