/** Every descriptor is close-on-exec and non-blocking from its creation. */
import test from 'ava';

import { changesFlags, runFixture, straced, straceTest } from '../support/process.js';

test('inherited: a child process gets nothing but its own stdio', async (t) => {
  const { code, stdout, stderr } = await runFixture('fd-created');
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const { made, before, after } = JSON.parse(stdout) as Record<string, unknown>;
  t.is(made, 15);
  t.is(after, before);
});

straceTest('non-atomic-flags: the call that makes a descriptor sets both flags', async (t) => {
  const calls =
    'pipe2,socket,socketpair,accept4,eventfd2,timerfd_create,signalfd4,inotify_init1,pidfd_open,recvmsg,fcntl,pipe,accept,eventfd,signalfd,inotify_init,ioctl,dup,dup2,dup3';
  const { ended, lines } = await straced(t, calls, 'fd-created');
  t.is(ended.code, 0, ended.stderr);
  const ours = lines.filter((line) => !line.includes('resumed'));
  const made = (name: string): string[] => ours.filter((line) => line.includes(` ${name}(`));
  const flags = {
    pipe2: 'O_',
    socket: 'SOCK_',
    socketpair: 'SOCK_',
    accept4: 'SOCK_',
    eventfd2: 'EFD_',
  };
  const others = { timerfd_create: 'TFD_', signalfd4: 'SFD_', inotify_init1: 'IN_' };
  for (const [name, prefix] of Object.entries({ ...flags, ...others })) {
    const found = made(name);
    t.true(found.length > 0, name);
    for (const line of found) {
      t.true(line.includes(`${prefix}CLOEXEC`), line);
      t.true(line.includes(`${prefix}NONBLOCK`), line);
    }
  }
  t.true(made('recvmsg').every((line) => line.includes('MSG_CMSG_CLOEXEC')));
  t.true(made('pidfd_open').every((line) => line.includes('PIDFD_NONBLOCK')));
  t.deepEqual(
    made('fcntl').filter((line) => line.includes('F_DUPFD,') || changesFlags.test(line)),
    [],
  );
  t.is(made('fcntl').filter((line) => line.includes('F_DUPFD_CLOEXEC')).length, 1);
  for (const name of [
    'pipe',
    'accept',
    'eventfd',
    'signalfd',
    'inotify_init',
    'dup',
    'dup2',
    'dup3',
  ])
    t.deepEqual(made(name), []);
});
