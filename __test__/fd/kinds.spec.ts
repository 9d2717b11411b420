/** adopt() of eventfds, timerfds and pidfds, and a timer that is cancelled when the clock is set. */
import { spawnSync } from 'node:child_process';
import { openSync, readlinkSync } from 'node:fs';

import test from 'ava';
import { EventFd, eventfd, PidFd, pidfd, pipe, TimerFd, timerfd } from 'edgepoll/fd';

import { drivers, exceptIn, start } from '../support/process.js';

const exceptDeno = exceptIn(['deno'], 'Deno itself closes descriptors that its node:fs opened');

test('adopt: an eventfd, a timerfd and a pidfd work under their new owner', (t) => {
  const counter = EventFd.adopt(eventfd({ initial: 3 }).release());
  t.is(counter.read(), 3n);
  t.true(counter.write(2));
  t.is(counter.read(), 2n);
  const first = timerfd({ clock: 'realtime' });
  first.set({ after: 100_000 });
  const timer = TimerFd.adopt(first.release());
  t.true(timer.remaining > 90_000);
  timer.set({ at: Date.now() + 100_000, cancelOnSet: true });
  const monotonic = TimerFd.adopt(timerfd().release());
  t.throws(() => monotonic.set({ at: 1, cancelOnSet: true }), { instanceOf: TypeError });
  const self = PidFd.adopt(pidfd(process.pid).release());
  t.is(self.pid, process.pid);
  self.kill(0);
  for (const each of [counter, timer, monotonic, self]) each.close();
});

exceptDeno('adopt: another kind is refused with both names, and stays open for its owner', (t) => {
  const kinds = { eventfd: EventFd, timerfd: TimerFd, pidfd: PidFd };
  const numbers = {
    eventfd: eventfd().release(),
    timerfd: timerfd().release(),
    pidfd: pidfd(process.pid).release(),
    pipe: pipe().reader.release(),
    file: openSync('/proc/self/comm', 'r'),
  };
  for (const [kind, of] of Object.entries(kinds)) {
    for (const [other, fd] of Object.entries(numbers)) {
      if (other === kind) continue;
      const error = t.throws(() => of.adopt(fd), { code: 'ERR_DESCRIPTOR_KIND' });
      t.regex(error?.message ?? '', new RegExp(`fd ${fd} is no ${kind}`));
    }
    t.throws(() => of.adopt(1), { instanceOf: RangeError });
    t.throws(() => of.adopt(1_000_000), { instanceOf: RangeError });
    t.throws(() => of.adopt('3' as unknown as number), { instanceOf: TypeError });
  }
  // The refused calls have closed none of them and made no object their owner: adopt() of the right kind still works.
  const own = [EventFd.adopt(numbers.eventfd), TimerFd.adopt(numbers.timerfd)];
  for (const each of own) {
    t.throws(() => EventFd.adopt(each.fd), { message: /no other owner/ });
    each.close();
  }
  t.regex(readlinkSync(`/proc/self/fd/${numbers.pipe}`), /^pipe/);
});

test('adopt: a pidfd of a process that has ended and was waited for', async (t) => {
  const child = start('cat', []);
  const first = pidfd(child.process.pid ?? 0);
  child.process.stdin.end();
  await child.ended;
  const gone = PidFd.adopt(first.release());
  t.is(gone.pid, -1);
  await gone.exited();
  t.throws(() => gone.kill(0), { code: 'ESRCH' });
  gone.close();
});

test('cancelOnSet: only with a time on the clock that can be set', (t) => {
  const timer = timerfd({ clock: 'realtime' });
  // @ts-expect-error `after` does not depend on the clock's time
  t.throws(() => timer.set({ after: 1, cancelOnSet: true }), { code: 'ERR_INVALID_ARG_VALUE' });
  // @ts-expect-error not a boolean
  t.throws(() => timer.set({ at: 1, cancelOnSet: 1 }), { instanceOf: TypeError });
  t.is(timer.remaining, 0);
  const other = timerfd({ clock: 'boottime' });
  t.throws(() => other.set({ at: 1, cancelOnSet: true }), { code: 'ERR_INVALID_ARG_VALUE' });
  timer.close();
  other.close();
});

/**
 * Sets the clock one microsecond forward (ADJ_SETOFFSET of adjtimex(2)). The kernel cancels timers with TFD_TIMER_CANCEL_ON_SET;
 * for other programs the step is too small to matter.
 */
const SET_CLOCK = `
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
timex = (ctypes.c_long * 64)()
timex[0] = 0x0100
timex[10] = 1
sys.exit(0 if libc.adjtimex(timex) >= 0 else ctypes.get_errno())
`;

for (const driver of drivers) {
  test.serial(`cancelOnSet: a clock that is set cancels the timer, once, ${driver}`, async (t) => {
    const timer = timerfd({ clock: 'realtime' });
    timer.set({ at: Date.now() + 1_000_000, cancelOnSet: true });
    const unaware = timerfd({ clock: 'realtime' });
    unaware.set({ at: Date.now() + 1_000_000 });
    const next = timer.values({ driver }).next();
    const { status } = spawnSync('python3', ['-c', SET_CLOCK]);
    if (status !== 0) {
      t.log('needs CAP_SYS_TIME');
      timer.close();
      t.true((await next).done);
    } else {
      await t.throwsAsync(next, { code: 'ECANCELED' });
      t.is(timer.read(), null);
      t.true(timer.remaining > 900_000, 'it is still armed');
      timer.set({ at: Date.now() + 1_000_000, cancelOnSet: true });
      t.is(timer.read(), null);
      t.is(unaware.read(), null);
      timer.close();
    }
    unaware.close();
  });
}
