//! Decides whether a loop polls for a while before it sleeps ("busy polling"), by what both were measured to cost.
//!
//! A sleep and the wake-up after it cost the kernel several times what a message costs, most of all on virtual machines, and
//! leave the processor's caches cold. With a peer that answers at once, polling until the answer is there costs less CPU time.
//! With any other peer it costs more. So nothing is assumed: the CPU time of a message is measured both ways.
//!
//! Nothing here polls, sleeps or reads a clock. The caller does.

mod trial;

use std::time::Duration;

use trial::{nanoseconds, Step, Trial, Verdict};

/// Polling is considered only for waits after at most this many messages. With more, many messages share one sleep, and more
/// arrive while it lasts.
const FEW: u32 = 4;
/// Waits before the first trial, none of them after many messages. After each trial that found sleeping cheaper, the rest before
/// the next one is twice as long, up to the second number.
const REST: (u32, u32) = (64, 2048);
/// Waits before the next trial after one that found polling cheaper.
const POLLING_WAITS: u32 = 4096;
/// Failed polls that a trial may cost without saving anything afterwards.
const LENT: u64 = 4;
/// Failed polls in a row that earlier savings can pay for.
const SAVED: u64 = 32;

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The loop sleeps, for `left` more waits.
    Resting {
        left: u32,
    },
    Trying,
    /// The loop polls, for `left` more waits.
    Polling {
        left: u32,
        /// What successful polls have saved and failed ones have not used up, in nanoseconds of CPU time.
        saved: u64,
        /// More was saved at some time than was lent at the beginning.
        pays: bool,
        verdict: Verdict,
    },
}

/// Decides for one loop whether it polls for what comes next before it sleeps ("busy polling"), and for how long.
///
/// A loop polls only while that costs less CPU time than sleeping. Both are tried and measured again and again, in
/// CPU time of the thread per message, and what failed polls cost must have been saved before. There is no trial while more
/// than 4 messages arrived before one of the last 64 waits. After each trial that failed, the rest before the next one is twice
/// as long, up to 2,048 waits.
///
/// # Examples
/// ```
/// use edgepoll::reactor::BusyPoll;
///
/// let mut busy = BusyPoll::new();
/// // Before each wait:
/// busy.add_messages(1);
/// if let Some(longest) = busy.before_wait(|| 0 /* CLOCK_THREAD_CPUTIME_ID */) {
///     let found = false; // epoll_wait with a timeout of 0, repeated for `longest` at most
///     busy.after_poll(found);
/// }
/// ```
#[derive(Debug)]
pub struct BusyPoll {
    phase: Phase,
    trial: Trial,
    /// How many waits the next rest lasts.
    rest: u32,
    /// Messages since the last wait.
    messages: u32,
}

impl Default for BusyPoll {
    fn default() -> BusyPoll {
        BusyPoll::new()
    }
}

impl BusyPoll {
    /// The longest poll: 1 millisecond. A poll must end earlier if the loop has anything else to do.
    pub const LONGEST: Duration = trial::LONGEST_POLL;

    /// The decisions for a loop that sleeps at first.
    #[must_use]
    pub fn new() -> BusyPoll {
        BusyPoll {
            phase: Phase::Resting { left: REST.0 },
            trial: Trial::default(),
            rest: REST.0,
            messages: 0,
        }
    }

    /// Counts messages that have arrived since the last wait.
    pub fn add_messages(&mut self, messages: usize) {
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        self.messages = self.messages.saturating_add(messages);
    }

    /// The loop is about to wait. Returns for how long it polls first, or `None` if it sleeps at once. After the poll, call
    /// [`BusyPoll::after_poll`].
    ///
    /// `cpu_time` gives the CPU time of the thread in nanoseconds (CLOCK_THREAD_CPUTIME_ID, clock_gettime(2)). It is called
    /// only in trials, because it is a system call.
    pub fn before_wait(&mut self, cpu_time: impl FnOnce() -> u64) -> Option<Duration> {
        let messages = std::mem::take(&mut self.messages);
        // The loop did something else. What that cost counts towards the next message, whichever way the loop waits.
        if messages == 0 {
            return None;
        }
        if messages > FEW {
            self.handle_many();
            return None;
        }
        match &mut self.phase {
            Phase::Resting { left } => {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.phase = Phase::Trying;
                    self.trial = Trial::default();
                }
                None
            }
            Phase::Trying => match self.trial.wait(cpu_time(), messages) {
                Step::Sleep => None,
                Step::Poll(longest) => Some(longest),
                Step::Over(verdict) => self.settle(verdict),
            },
            Phase::Polling { left, verdict, .. } => {
                *left = left.saturating_sub(1);
                let longest = verdict.longest;
                if *left > 0 {
                    return Some(longest);
                }
                self.rest = REST.0;
                self.phase = Phase::Trying;
                self.trial = Trial::default();
                None
            }
        }
    }

    /// A poll has ended. `found` is true if a message arrived for this loop.
    pub fn after_poll(&mut self, found: bool) {
        let goes_on = match &mut self.phase {
            Phase::Resting { .. } => true,
            Phase::Trying => found || self.trial.missed(),
            Phase::Polling {
                saved,
                pays,
                verdict,
                ..
            } => {
                let miss = nanoseconds(verdict.longest);
                *saved = if found {
                    (*saved + verdict.gain).min(miss * SAVED)
                } else {
                    saved.saturating_sub(miss)
                };
                *pays |= *saved > miss * LENT;
                if *saved == 0 && *pays {
                    self.rest = REST.0;
                }
                *saved > 0
            }
        };
        if !goes_on {
            self.settle(None);
        }
    }

    /// Begins to poll by a verdict, or to rest without one. Returns for how long to poll now.
    fn settle(&mut self, verdict: Option<Verdict>) -> Option<Duration> {
        if let Some(verdict) = verdict {
            self.phase = Phase::Polling {
                left: POLLING_WAITS,
                saved: nanoseconds(verdict.longest) * LENT,
                pays: false,
                verdict,
            };
        } else {
            self.phase = Phase::Resting { left: self.rest };
            self.rest = self.rest.saturating_mul(2).min(REST.1);
        }
        verdict.map(|verdict| verdict.longest)
    }

    /// Many messages arrived before this wait. A trial would not measure what a single message costs, so it ends.
    fn handle_many(&mut self) {
        match &mut self.phase {
            Phase::Resting { left } => *left = REST.0.max(*left),
            Phase::Trying => {
                self.settle(None);
            }
            Phase::Polling { .. } => self.after_poll(false),
        }
    }
}
