//! What a message costs when the loop sleeps before it, and what when it looks: both are done in turn, and noted.
//!
//! It must never decide what follows. Used by [`BusyPoll`](super::BusyPoll).

use std::time::Duration;

use super::nanoseconds;

/// Waits one way in a row, which is done twice each way: a machine's pace changes within milliseconds.
const IN_A_ROW: usize = 24;
/// The first of them are not noted. Who slept deeply until now answers late for some more times, and a loop that goes back
/// to sleep finds its peers awake.
const SETTLING: usize = 8;
const NOTED: usize = 2 * (IN_A_ROW - SETTLING);
/// A message counts for so many times the median at most: a collection of garbage takes as long as a hundred of them, and
/// is the fault of neither way.
const CLIPPED: u64 = 4;
// In times of what a message costs that the loop sleeps before:
/// How long a look of the trial lasts at most, because who slept deeply answers late; and one after it.
const LONGEST: u64 = 8;
const LONGEST_LATER: u64 = 3;
/// How long all looks for nothing of the trial may take together.
const FOR_NOTHING: u64 = 20;

/// What to do for the next wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Sleep,
    /// For so long at most.
    Look(Duration),
    /// The trial is over.
    Over(Option<Verdict>),
}

/// Looking is cheaper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// How long to look.
    pub(super) longest: Duration,
    /// What a look saves that finds something, in nanoseconds of CPU time.
    pub(super) gain: u64,
}

#[derive(Debug, Default)]
pub(super) struct Trial {
    looks: bool,
    /// Waits of this row so far.
    waits: usize,
    /// How long looks for nothing took, in nanoseconds.
    for_nothing: u64,
    /// The thread's CPU time at the wait before, in nanoseconds.
    since: Option<u64>,
    /// What a message costs that the loop sleeps before, by what is noted so far.
    asleep: u64,
    sleeping: Notes,
    looking: Notes,
}

impl Trial {
    /// A wait begins, `told` messages after the one before.
    pub(super) fn wait(&mut self, now: u64, told: u32) -> Step {
        if let Some(since) = self.since.replace(now) {
            self.note(now.saturating_sub(since) / u64::from(told.max(1)));
        }
        if self.waits == IN_A_ROW {
            if self.looking.count == NOTED {
                return Step::Over(self.compare());
            }
            self.asleep = self.sleeping.mean();
            self.looks = !self.looks;
            self.waits = 0;
        }
        self.waits += 1;
        if self.looks {
            Step::Look(self.times_asleep(LONGEST))
        } else {
            Step::Sleep
        }
    }

    /// A look found nothing. Gives whether it makes sense to go on.
    pub(super) fn missed(&mut self) -> bool {
        self.for_nothing += nanoseconds(self.times_asleep(LONGEST));
        self.for_nothing < self.asleep.saturating_mul(FOR_NOTHING)
    }

    fn note(&mut self, cost: u64) {
        if self.waits > SETTLING {
            let notes = if self.looks {
                &mut self.looking
            } else {
                &mut self.sleeping
            };
            notes.add(cost);
        }
    }

    /// No longer than a look may last.
    fn times_asleep(&self, times: u64) -> Duration {
        Duration::from_nanos(self.asleep.saturating_mul(times)).min(super::BusyPoll::LONGEST)
    }

    /// Looks for nothing are part of the mean; what the others save, the median tells.
    fn compare(&self) -> Option<Verdict> {
        (self.looking.mean() < self.asleep).then(|| Verdict {
            longest: self.times_asleep(LONGEST_LATER),
            gain: self.asleep.saturating_sub(self.looking.median()),
        })
    }
}

/// CPU times per message, in nanoseconds.
#[derive(Debug, Default)]
struct Notes {
    costs: [u64; NOTED],
    count: usize,
}

impl Notes {
    fn add(&mut self, cost: u64) {
        if let Some(place) = self.costs.get_mut(self.count) {
            *place = cost;
            self.count += 1;
        }
    }

    fn median(&self) -> u64 {
        let mut costs = self.costs;
        let costs = &mut costs[..self.count];
        costs.sort_unstable();
        costs.get(costs.len() / 2).copied().unwrap_or(0)
    }

    fn mean(&self) -> u64 {
        let most = self.median().saturating_mul(CLIPPED);
        let costs = &self.costs[..self.count];
        let sum: u64 = costs.iter().map(|cost| (*cost).min(most)).sum();
        sum / costs.len().max(1) as u64
    }
}
