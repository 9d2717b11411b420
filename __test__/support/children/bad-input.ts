// Makes every call of bad-inputs.ts between two marks that strace shows, without a turn of the event loop. Prints the
// number of refusals and the descriptors that were open before and after.
import { existsSync, readdirSync } from 'node:fs';

import { badInputs } from '../bad-inputs.js';

const descriptors = (): string[] => readdirSync('/proc/self/fd');

const before = descriptors();
existsSync('/edgepoll-mark-begin');
let refused = 0;
for (const { call } of badInputs) {
  await call().catch(() => {
    refused += 1;
  });
}
existsSync('/edgepoll-mark-end');
// Read before the first use of stdout, which opens a descriptor too.
const after = descriptors();
process.stdout.write(JSON.stringify({ refused, before, after }));
