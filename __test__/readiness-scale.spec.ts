/** What an operation costs does not depend on how many descriptors are open or watched beside it. */
import test from 'ava';

import { runFixture } from './support/process.js';

const cases = JSON.parse((await runFixture('among-many')).stdout) as string[];

// Serial: each asks for the CPU time of a process of its own, which shares the caches with whatever runs beside it.
for (const name of cases) {
  test.serial(`among-many: ${name} costs the same among thousands of idle ones`, async (t) => {
    const { code, stdout, stderr } = await runFixture('among-many', name);
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const { count, ratio } = JSON.parse(stdout) as { count: number; ratio: number };
    t.log(`× ${ratio.toFixed(2)} among ${count}`);
    // What grows with them is at four times as much or more by then; the caches' share is less than as much again.
    t.true(ratio < 3, `${ratio} times as much among ${count}`);
  });
}
