/** An environment may end at any moment: no crash, no descriptor and no thread remains. */
import test from 'ava';

import { phases } from '../fixtures/phases.js';
import { drivers, fixture, makeFifo, run, runFixture, runtime } from '../support/process.js';

const names = Object.keys(phases);

interface Report {
  count: number;
  failures: string[];
  before: string[];
  after: string[];
  mostThreads: number;
  threadsLeft: number;
}

for (const driver of drivers) {
  test.serial(`terminate-in-every-phase: 200 workers, ${driver}`, async (t) => {
    t.timeout(100_000);
    const { code, signal, stdout, stderr } = await runFixture(
      'terminate',
      driver,
      makeFifo(t),
      '200',
      ...names,
    );
    t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
    const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Report;
    t.deepEqual(report.failures, []);
    t.true(report.count >= 200, 'all of them were terminated');
    t.deepEqual(report.after, report.before, 'the same descriptors as before');
    t.is(report.threadsLeft, 0, 'no thread of the package is left');
    if (driver === 'uv') t.is(report.mostThreads, 0, 'the uv driver has no thread');
    else t.true(report.mostThreads > 0, 'the thread driver had threads');
  });

  // glibc fills freed memory with this byte and allocated memory with its complement, so a stale pointer finds no valid state.
  for (const filling of ['1', '254']) {
    test(`closed-before-the-end: a closed driver leaves no clean-up hook, ${filling}, ${driver}`, async (t) => {
      const [program, ...args] = [...runtime, fixture('closed-drivers'), driver];
      const ended = await run(program, args, { MALLOC_PERTURB_: filling });
      t.deepEqual(ended, { code: 0, signal: null, stdout: '{"code":0}\n', stderr: '' });
    });
  }

  for (const phase of names) {
    test(`process-exit ${phase}, ${driver}`, async (t) => {
      const { code, signal, stderr } = await runFixture('exit', phase, driver, makeFifo(t));
      t.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' });
    });
  }
}
