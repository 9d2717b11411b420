/** Signals and processes as descriptors. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import test from 'ava';
import { pidfd, signalfd, withUnblockedSignals } from 'edgepoll/fd';

import { drivers, exceptIn, run, runFixture } from '../support/process.js';

const onlyNode = exceptIn(
  ['bun', 'deno'],
  'workers, children and signal listeners of Bun and Deno differ from those of Node.js',
);

for (const driver of drivers) {
  onlyNode(
    `signals: each is read once, with its sender, whichever thread gets it; after close() the handlers get them, ${driver}`,
    async (t) => {
      const { code, signal, stdout, stderr } = await runFixture('fd-signals', driver);
      t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
      t.deepEqual(JSON.parse(stdout), {
        wrong: [],
        fromOthers: 20,
        handledMeanwhile: 0,
        ended: true,
        shared: 'SIGUSR2',
        handledAfter: 1,
        childSignal: 'SIGTERM',
      });
    },
  );

  test(`pidfd: the end of a child and of an unrelated process, awaited twice, ${driver}`, async (t) => {
    // The unrelated process is the shell's child.
    const shell = spawn('sh', ['-c', 'sleep 60 & echo $!; wait $!']);
    const shellClosed = once(shell, 'close');
    const [line] = (await once(shell.stdout, 'data')) as [Buffer];
    const unrelated = pidfd(Number(line.toString()));
    const child = pidfd(shell.pid ?? 0);
    t.true(child.pid === shell.pid);
    const both = Promise.all([unrelated.exited({ driver }), child.exited({ driver })]);
    unrelated.kill(0);
    unrelated.kill();
    await both;
    await child.exited({ driver });
    t.throws(() => unrelated.kill(), { code: 'ESRCH' });
    await shellClosed;
    unrelated.close();
    child.close();
  });

  test(`pidfd: a wait ends by its signal and by close(), ${driver}`, async (t) => {
    const self = pidfd(process.pid);
    const reason = new Error('enough');
    const controller = new AbortController();
    const waiting = self.exited({ driver, signal: controller.signal });
    controller.abort(reason);
    t.is(await t.throwsAsync(waiting), reason);
    const closed = self.exited({ driver });
    self.close();
    await t.throwsAsync(closed, { code: 'ERR_CLOSED' });
    await t.throwsAsync(self.exited({ driver }), { code: 'ERR_CLOSED' });
  });
}

test('signal-masks: a signal is read while listeners are added and removed; children and threads have their own masks', async (t) => {
  const { code, signal, stdout, stderr } = await runFixture('fd-signal-masks');
  t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  t.deepEqual(JSON.parse(stdout), {
    helpers: 2,
    areQuiet: true,
    withoutMask: 0,
    read: 6,
    childEndedBy: 'SIGTERM',
    childBlocks: false,
    nested: 'done',
    keptNumbers: [12, 15],
    handledMeanwhile: 0,
    changed: 0,
    handledAfter: 1,
    listeners: 0,
  });
});

test('withUnblockedSignals: throws what its function throws, and does nothing without a SignalFd', (t) => {
  const error = new Error('not started');
  const failing = (): never => {
    throw error;
  };
  t.is(
    t.throws(() => withUnblockedSignals(failing)),
    error,
  );
  const signals = signalfd(['SIGUSR2']);
  t.is(
    t.throws(() => withUnblockedSignals(failing)),
    error,
  );
  t.is(
    withUnblockedSignals(() => 7),
    7,
  );
  signals.close();
  t.throws(() => withUnblockedSignals('sleep' as unknown as () => void), { instanceOf: TypeError });
});

test('bad-input: signals that cannot be caught, and those that a fault raises', (t) => {
  for (const name of [
    'SIGKILL',
    'SIGSTOP',
    'SIGSEGV',
    'SIGBUS',
    'SIGFPE',
    'SIGILL',
    'SIGTRAP',
    'SIGABRT',
    'SIGSYS',
    'SIGNOT',
  ]) {
    const error = t.throws(() => signalfd(['SIGUSR2', name as 'SIGTERM']), {
      instanceOf: RangeError,
    });
    t.true(error?.message.includes(name));
  }
  t.throws(() => signalfd([]), { instanceOf: RangeError });
  t.throws(() => signalfd([12 as unknown as 'SIGTERM']), { instanceOf: TypeError });
  t.throws(() => signalfd('SIGTERM' as unknown as ['SIGTERM']), { instanceOf: TypeError });
});

test('bad-input: processes', async (t) => {
  for (const pid of [0, -1, 1.5]) t.throws(() => pidfd(pid), { instanceOf: RangeError });
  const gone = spawn('true');
  await once(gone, 'close');
  t.throws(() => pidfd(gone.pid ?? 0), { code: 'ESRCH' });
  const self = pidfd(process.pid);
  t.throws(() => self.kill('SIGNOT' as 'SIGTERM'), { instanceOf: RangeError });
  self.close();
});

exceptIn(['deno'], 'Deno takes other command-line arguments')(
  'signal-dispositions: an unread signal keeps its default action',
  async (t) => {
    // The default action of SIGTERM ends the process that closes without having read it.
    const script = `
    import { signalfd } from 'edgepoll/fd';
    const signals = signalfd(['SIGTERM']);
    process.kill(process.pid, 'SIGTERM');
    await signals.values().next();
    process.kill(process.pid, 'SIGTERM');
    signals.close();
    setInterval(() => {}, 1000);
  `;
    const { signal } = await run(process.execPath, ['--input-type=module', '-e', script]);
    t.is(signal, 'SIGTERM');
  },
);
