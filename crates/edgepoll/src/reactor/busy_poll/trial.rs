//! A trial: measures what a message costs when the loop sleeps before it, and what it costs when the loop polls.

use std::time::Duration;

/// The longest poll.
pub(super) const LONGEST_POLL: Duration = Duration::from_micros(1000);

/// Waits of one kind in a row. Each kind has two such rows, because the speed of a machine changes within milliseconds.
const IN_A_ROW: usize = 24;
/// The first waits of a row are not measured. A peer that slept deeply until now answers late a few more times, and a loop that
/// goes back to sleep finds its peers awake.
const SETTLING: usize = 8;
const MEASURED: usize = 2 * (IN_A_ROW - SETTLING);
/// One message counts for at most this many times the median. A garbage collection takes as long as a hundred messages, and
/// neither kind of wait causes it.
const CLIPPED: u64 = 4;
// The next three are multiples of the cost of a message with a sleep before it.
/// How long a poll of the trial lasts at most. It is long because a peer that slept deeply answers late.
const LONGEST: u64 = 8;
/// How long a poll after the trial lasts at most.
const LONGEST_LATER: u64 = 3;
/// How long all failed polls of the trial may last together.
const FOR_NOTHING: u64 = 20;

/// What to do in the next wait of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Sleep,
    /// Poll for at most this long.
    Poll(Duration),
    /// The trial is over. It has a verdict if polling is cheaper.
    Over(Option<Verdict>),
}

/// Polling is cheaper than sleeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// How long to poll.
    pub(super) longest: Duration,
    /// What a successful poll saves, in nanoseconds of CPU time.
    pub(super) gain: u64,
}

#[derive(Debug, Default)]
pub(super) struct Trial {
    polls: bool,
    /// Waits of the current row so far.
    waits: usize,
    /// How long failed polls took, in nanoseconds.
    for_nothing: u64,
    /// The CPU time of the thread at the previous wait, in nanoseconds.
    since: Option<u64>,
    /// The cost of a message with a sleep before it, by the measurements so far.
    asleep: u64,
    sleeping: Costs,
    polling: Costs,
}

impl Trial {
    /// A wait begins at the CPU time `now`. `messages` arrived since the previous wait.
    pub(super) fn wait(&mut self, now: u64, messages: u32) -> Step {
        if let Some(since) = self.since.replace(now) {
            self.measure(now.saturating_sub(since) / u64::from(messages.max(1)));
        }
        if self.waits == IN_A_ROW {
            if self.polling.count == MEASURED {
                return Step::Over(self.compare());
            }
            self.asleep = self.sleeping.mean();
            self.polls = !self.polls;
            self.waits = 0;
        }
        self.waits += 1;
        if self.polls {
            Step::Poll(self.times_asleep(LONGEST))
        } else {
            Step::Sleep
        }
    }

    /// A poll found nothing. Returns false when the trial has cost enough.
    pub(super) fn missed(&mut self) -> bool {
        self.for_nothing += nanoseconds(self.times_asleep(LONGEST));
        self.for_nothing < self.asleep.saturating_mul(FOR_NOTHING)
    }

    fn measure(&mut self, cost: u64) {
        if self.waits > SETTLING {
            let costs = if self.polls {
                &mut self.polling
            } else {
                &mut self.sleeping
            };
            costs.add(cost);
        }
    }

    /// `times` the cost of a message with a sleep before it, but no longer than the longest poll.
    fn times_asleep(&self, times: u64) -> Duration {
        Duration::from_nanos(self.asleep.saturating_mul(times)).min(LONGEST_POLL)
    }

    /// Compares the means, which include failed polls. What a successful poll saves comes from the median.
    fn compare(&self) -> Option<Verdict> {
        (self.polling.mean() < self.asleep).then(|| Verdict {
            longest: self.times_asleep(LONGEST_LATER),
            gain: self.asleep.saturating_sub(self.polling.median()),
        })
    }
}

/// Measured CPU times per message, in nanoseconds.
#[derive(Debug, Default)]
struct Costs {
    costs: [u64; MEASURED],
    count: usize,
}

impl Costs {
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

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
