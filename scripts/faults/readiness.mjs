// Seeded faults of the readiness layer, in the form that list.mjs tells. One job: the list.

/** The tests of the core that see them. */
const command = [
  'cargo',
  ['test', '--offline', '--no-fail-fast', '-p', 'edgepoll', '--test', 'readiness'],
];

const readiness = 'crates/edgepoll/src/readiness';

export const readinessFaults = [
  {
    name: 'a small room always begins with the same descriptor (poll)',
    file: `${readiness}/by_poll.rs`,
    find: 'self.next = (place + 1) % length;',
    replace: '',
    command,
  },
  {
    name: 'a oneshot that was told is asked about again (poll)',
    file: `${readiness}/by_poll.rs`,
    find: 'self.entries[place].fd = !watched.fd;',
    replace: '',
    command,
  },
  {
    name: 'a oneshot that has fired counts as armed',
    file: `${readiness}/poller.rs`,
    find: 'registration.state = State::Fired;',
    replace: '',
    command,
  },
  {
    name: 'a number that came back silences its first owner',
    file: `${readiness}/poller.rs`,
    find: 'self.give_way(old, token);\n            self.lose(old);',
    replace: 'self.give_way(old, token);',
    command,
  },
  {
    name: 'a closed descriptor is taken for an open one',
    file: 'crates/edgepoll/src/kernel/epoll.rs',
    find: 'Err(Errno::EBADF | Errno::EPERM | Errno::EINVAL) => false,',
    replace: '',
    command,
  },
  {
    name: 'what the kernel gives once is not kept until it is told',
    file: `${readiness}/relay.rs`,
    find: 'watched.kept |= mask & watched.once;',
    replace: '',
    command,
  },
  {
    name: 'the thread of poll and select is not told that somebody waits',
    file: `${readiness}/sleeper.rs`,
    find: 'order.wanted = true;',
    replace: '',
    command,
  },
  {
    name: 'the thread of poll and select holds what nobody waits for',
    file: `${readiness}/sleeper.rs`,
    find: 'if std::mem::take(&mut self.lock().wanted) {',
    replace: 'if false {',
    command,
  },
  {
    name: 'a renewal watches whoever has the number now',
    file: `${readiness}/by_epoll.rs`,
    find: 'if !self.holds(fd) {',
    replace: 'if false {',
    command,
  },
];
