/** Tests that the stand-in for ava runs, good ones and one of each bad kind: `run.js shim-cases.js CASE`. */
import test from './ava.js';

const error = Object.assign(new RangeError('too much'), { code: 'E_MUCH' });
const raise = (): never => {
  throw error;
};
const reject = (): Promise<never> => Promise.reject(error);

const cases: Record<string, () => void> = {
  'good: every assertion holds': () => {
    const order: string[] = [];
    test('assertions', async (t) => {
      t.teardown(() => order.push('first'));
      t.teardown(() => order.push('second'));
      t.is(1, 1);
      t.is(Number.NaN, Number.NaN);
      t.not(0, -0);
      t.deepEqual({ a: [1n, new Set('x')] }, { a: [1n, new Set('x')] });
      t.notDeepEqual([1], ['1']);
      t.like({ a: { b: 1, c: 2 }, d: [1, 2], e: 3 }, { a: { b: 1 }, d: [1] });
      t.truthy('x');
      t.falsy('');
      t.regex('abc', /b/);
      t.is(t.throws(raise, { instanceOf: RangeError, code: 'E_MUCH', message: /much/ }), error);
      t.is(await t.throwsAsync(reject, { is: error, name: 'RangeError' }), error);
      t.is(await t.throwsAsync(Promise.reject(error), { message: 'too much' }), error);
      t.notThrows(() => {});
      await t.notThrowsAsync(Promise.resolve());
    });
    test.serial('serial tests run first', (t) => t.deepEqual(order, []));
    test('planned', (t) => {
      t.plan(2);
      t.pass();
      t.pass();
    });
    test.after('teardowns run in reverse order', (t) => t.deepEqual(order, ['second', 'first']));
  },
  'skipped: is not run': () => {
    test.skip('skipped', raise);
    test('not skipped', (t) => t.pass());
  },
  'bad: no assertion': () => test('empty', () => {}),
  'bad: fail()': () => test('fails', (t) => t.fail('as it should')),
  'bad: an assertion that was caught': () =>
    test('caught', (t) => {
      t.pass();
      try {
        t.is(1, 2);
      } catch {
        // A test that catches the error of an assertion still fails.
      }
    }),
  'bad: like() with another value': () =>
    test('like', (t) => t.like({ a: { b: 1 } }, { a: { b: 2 } })),
  'bad: like() with a field that is not there': () =>
    test('like', (t) => t.like({ a: 1 }, { b: 1 })),
  'bad: deepEqual() of another type': () => test('deep', (t) => t.deepEqual({ a: 1 }, { a: '1' })),
  'bad: nothing thrown': () => test('throws', (t) => void t.throws(() => {})),
  'bad: another code': () => test('throws', (t) => void t.throws(raise, { code: 'E_OTHER' })),
  'bad: another class': () =>
    test('throws', (t) => void t.throws(raise, { instanceOf: TypeError })),
  'bad: another message': () => test('throws', (t) => void t.throws(raise, { message: /little/ })),
  'bad: nothing rejected': () =>
    test('rejects', async (t) => void (await t.throwsAsync(Promise.resolve()))),
  'bad: rejected': () =>
    test('rejects', async (t) => {
      t.pass();
      await reject();
    }),
  'bad: fewer than planned': () =>
    test('planned', (t) => {
      t.plan(2);
      t.pass();
    }),
  'bad: a teardown throws': () =>
    test('teardown', (t) => {
      t.teardown(raise);
      t.pass();
    }),
  'bad: too late': () =>
    test('late', (t) => {
      t.timeout(20);
      return new Promise((resolve) => setTimeout(resolve, 30_000));
    }),
  'bad: never settled and nothing to wait for': () =>
    test('never', (t) => {
      t.timeout(60_000);
      process.exit(0);
    }),
  'bad: an exception outside of every test': () => {
    setTimeout(raise, 0);
    test('waits', async (t) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      t.pass();
    });
  },
  'bad: an unhandled rejection': () =>
    test('leaves one', (t) => {
      void reject();
      t.pass();
    }),
  'bad: an unknown kind of test': () =>
    (test as unknown as { failing: (title: string) => void }).failing('unknown'),
  'bad: the same title twice': () => {
    test('same', (t) => t.pass());
    test('same', (t) => t.pass());
  },
  'bad: no test': () => {},
};

const [, name = ''] = process.argv.slice(2);
/** The names of the cases. The first word of each names the result that it must have. */
export const names = Object.keys(cases);
cases[name]?.();
