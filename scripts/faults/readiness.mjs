// Seeded faults of the readiness layer; ./list.mjs says what each field means.

const readiness = 'crates/edgepoll/src/readiness';

export const readinessFaults = [
  {
    name: 'a short list of events always begins with the same descriptor (poll)',
    file: `${readiness}/by_poll.rs`,
    find: 'self.next = (place + 1) % length;',
    replace: '',
  },
  {
    name: 'a oneshot stays watched after its event (poll)',
    file: `${readiness}/by_poll.rs`,
    find: 'self.entries[place].fd = !watched.fd;',
    replace: '',
  },
  {
    name: 'a oneshot that has fired counts as armed',
    file: `${readiness}/poller/waiting.rs`,
    find: 'registration.state = State::Fired;',
    replace: '',
  },
  {
    name: 'a reused descriptor number silences its first owner',
    file: `${readiness}/poller/registering.rs`,
    find: 'self.remove_from_other_set(old, token);\n            self.mark_closed(old);',
    replace: 'self.remove_from_other_set(old, token);',
  },
  {
    name: 'a closed descriptor is taken for an open one',
    file: 'crates/edgepoll/src/kernel/epoll.rs',
    find: 'Err(Errno::EBADF | Errno::EPERM | Errno::EINVAL) => false,',
    replace: '',
  },
  {
    name: 'an event that the kernel reports once is not kept until delivery',
    file: `${readiness}/relay/table.rs`,
    find: 'watched.kept |= mask & watched.once;',
    replace: '',
  },
  {
    name: 'the thread of poll and select does not see that a wait began',
    file: `${readiness}/wait_thread.rs`,
    find: 'order.wanted = true;',
    replace: '',
  },
  {
    name: 'the thread of poll and select holds events without a wait',
    file: `${readiness}/wait_thread.rs`,
    find: 'if std::mem::take(&mut self.shared.lock().wanted) {',
    replace: 'if false {',
  },
  {
    name: 'a renewal watches the new owner of the number',
    file: `${readiness}/by_epoll.rs`,
    find: 'if !self.is_same_file(fd) {',
    replace: 'if false {',
  },
];
