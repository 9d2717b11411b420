/** What an operation costs does not depend on how many descriptors are open or watched beside it. */
import test from 'ava';

import { runFixture } from '../support/process.js';

/** So many times as much. */
const MOST = 3;

const cases = JSON.parse((await runFixture('among-many')).stdout) as string[];

// Serial: each asks for the CPU time of a process of its own, which shares the caches with whatever runs beside it.
for (const name of cases) {
  test.serial(`among-many: ${name} costs the same among thousands of idle ones`, async (t) => {
    // What grows with them is at four times as much or more by then, each time; the caches' share is less than as much
    // again, but whatever else the machine does may empty them.
    const ratios: number[] = [];
    do {
      const { code, stdout, stderr } = await runFixture('among-many', name);
      t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      const { count, ratio } = JSON.parse(stdout) as { count: number; ratio: number };
      t.log(`× ${ratio.toFixed(2)} among ${count}`);
      ratios.push(ratio);
    } while (ratios.length < 3 && Math.min(...ratios) >= MOST);
    t.true(Math.min(...ratios) < MOST, `${ratios.join(', ')} times as much`);
  });
}
