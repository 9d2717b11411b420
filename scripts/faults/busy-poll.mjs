// Seeded faults of busy polling; ./list.mjs says what each field means.

const folder = 'crates/edgepoll/src/reactor/busy_poll';

export const busyPollFaults = [
  {
    name: 'looks for nothing are paid for by nobody',
    file: `${folder}/mod.rs`,
    find: 'saved.saturating_sub(miss)',
    replace: '*saved',
  },
  {
    name: 'a trial that failed is made again soon, always',
    file: `${folder}/mod.rs`,
    find: 'self.rest = self.rest.saturating_mul(2).min(REST.1);',
    replace: '',
  },
  {
    name: 'a loop looks where many messages share a wait',
    file: `${folder}/mod.rs`,
    find: 'if messages > FEW {',
    replace: 'if messages > 1_000 {',
  },
  {
    name: 'a trial lasts however much it looks for nothing',
    file: `${folder}/trial.rs`,
    find: 'self.for_nothing < self.asleep.saturating_mul(FOR_NOTHING)',
    replace: 'true',
  },
  {
    name: 'looking is taken for cheaper than sleeping',
    file: `${folder}/trial.rs`,
    find: '(self.polling.mean() < self.asleep).then',
    replace: '(self.asleep > 0).then',
  },
  {
    name: 'one collection of garbage decides a trial',
    file: `${folder}/trial.rs`,
    find: 'self.median().saturating_mul(CLIPPED)',
    replace: 'u64::MAX',
  },
];
