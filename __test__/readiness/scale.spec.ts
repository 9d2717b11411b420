/** The cost of an operation does not depend on how many other descriptors are open or watched. */
import test from 'ava';

import { runFixture } from '../support/process.js';

/** The ratio of CPU times from which the cost counts as growing. */
const MOST = 3;

const cases = JSON.parse((await runFixture('among-many')).stdout) as string[];

// Serial: each test measures the CPU time of a process, which shares the CPU's caches with other processes.
for (const name of cases) {
  test.serial(`among-many: ${name} costs the same among thousands of idle ones`, async (t) => {
    // An operation whose cost grows with the idle descriptors takes four times as long or more in each run. Cache misses
    // alone less than double it, but other load may empty the caches, so the best of three runs counts.
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
