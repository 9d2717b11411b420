// Seeded faults of busy polling; ./list.mjs says what each field means.

const folder = 'crates/edgepoll/src/reactor/busy_poll';

export const busyPollFaults = [
  {
    name: 'looks that find nothing are not charged',
    file: `${folder}/mod.rs`,
    find: 'saved.saturating_sub(miss)',
    replace: '*saved',
  },
  {
    name: 'a failed trial is always repeated soon',
    file: `${folder}/mod.rs`,
    find: 'self.rest = self.rest.saturating_mul(2).min(REST.1);',
    replace: '',
  },
  {
    name: 'busy polling goes on where many messages share a wait',
    file: `${folder}/mod.rs`,
    find: 'if messages > FEW {',
    replace: 'if messages > 1_000 {',
  },
  {
    name: 'a trial has no bound on looks that find nothing',
    file: `${folder}/trial.rs`,
    find: 'self.for_nothing < self.asleep.saturating_mul(FOR_NOTHING)',
    replace: 'true',
  },
  {
    name: 'busy polling counts as cheaper than sleeping, always',
    file: `${folder}/trial.rs`,
    find: '(self.polling.mean() < self.asleep).then',
    replace: '(self.asleep > 0).then',
  },
  {
    name: 'one garbage collection decides a trial',
    file: `${folder}/trial.rs`,
    find: 'self.median().saturating_mul(CLIPPED)',
    replace: 'u64::MAX',
  },
];
