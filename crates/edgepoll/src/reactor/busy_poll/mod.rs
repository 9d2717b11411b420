//! Whether a loop looks for what comes next for a while before it sleeps, by what either was measured to cost.
//!
//! A sleep and the wake-up after it cost the kernel several times what a message costs, on virtual machines above all, and
//! leave the caches cold: with a peer that answers at once, looking until the answer is there takes less of the processor.
//! With any other it takes more. So nothing is taken for granted, and the CPU time of a message is measured both ways.
//!
//! It must never look, sleep or read a clock itself. Called by whoever runs the loop: the glue, or a Rust program.

mod trial;

use std::time::Duration;

use trial::{Step, Trial, Verdict};

/// Messages before one wait at most. Where there are more a sleep is shared by as many, and by more while it lasts.
const FEW: u32 = 4;
/// Waits before the first trial, none of them shared by many. After each trial that found sleeping cheaper the next is put
/// off twice as long, up to the second number.
const REST: (u32, u32) = (64, 2048);
/// Waits before the next trial after one that found looking cheaper.
const LOOKS: u32 = 4096;
/// Looks for nothing that a trial has to pay for if nothing follows that saves, and that what was saved can pay for in a row.
const LENT: u64 = 4;
const SAVED: u64 = 32;

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The loop sleeps, so many waits more.
    Resting {
        left: u32,
    },
    Trying,
    /// The loop looks, so many waits more.
    Looking {
        left: u32,
        /// Nanoseconds of CPU time, and whether they are more than was lent.
        saved: u64,
        pays: bool,
        verdict: Verdict,
    },
}

/// Decides for one loop whether it looks for what comes next before it sleeps ("busy polling"), and for how long.
///
/// A loop looks only while that takes less of the processor than sleeping: both are tried and measured again and again, in
/// the thread's CPU time per message, and whatever looks for nothing have cost must have been saved before. It is not
/// tried where more than 4 messages shared one of the last 64 waits. After each trial that failed the next is put off twice
/// as long, up to 2,048 waits.
///
/// # Examples
/// ```
/// use edgepoll::reactor::BusyPoll;
///
/// let mut busy = BusyPoll::new();
/// // Before each wait:
/// busy.told(1);
/// if let Some(longest) = busy.look(|| 0 /* CLOCK_THREAD_CPUTIME_ID */) {
///     let found = false; // epoll_wait with a timeout of 0, again and again for `longest` at most
///     busy.looked(found);
/// }
/// ```
#[derive(Debug)]
pub struct BusyPoll {
    phase: Phase,
    trial: Trial,
    /// The length of the next rest.
    rest: u32,
    /// Messages since the last wait.
    told: u32,
}

impl Default for BusyPoll {
    fn default() -> BusyPoll {
        BusyPoll::new()
    }
}

impl BusyPoll {
    /// No look lasts longer: 1 millisecond. Whatever else the loop has to do must end it.
    pub const LONGEST: Duration = Duration::from_micros(1000);

    /// Of a loop that sleeps at first.
    #[must_use]
    pub fn new() -> BusyPoll {
        BusyPoll {
            phase: Phase::Resting { left: REST.0 },
            trial: Trial::default(),
            rest: REST.0,
            told: 0,
        }
    }

    /// So many messages were told.
    pub fn told(&mut self, messages: usize) {
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        self.told = self.told.saturating_add(messages);
    }

    /// The loop is about to wait: for how long it is to look first, if at all. After the look tell [`BusyPoll::looked`].
    ///
    /// `cpu_time` gives the thread's CPU time in nanoseconds (CLOCK_THREAD_CPUTIME_ID, clock_gettime(2)); it is called
    /// only in trials, because it is a system call.
    pub fn look(&mut self, cpu_time: impl FnOnce() -> u64) -> Option<Duration> {
        let told = std::mem::take(&mut self.told);
        // A turn of the loop for somebody else: what it cost is part of what the next message cost, either way.
        if told == 0 {
            return None;
        }
        if told > FEW {
            self.met_many();
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
            Phase::Trying => match self.trial.wait(cpu_time(), told) {
                Step::Sleep => None,
                Step::Look(longest) => Some(longest),
                Step::Over(verdict) => self.settle(verdict),
            },
            Phase::Looking { left, verdict, .. } => {
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

    /// A look is over; `found`: something that this loop will tell.
    pub fn looked(&mut self, found: bool) {
        let goes_on = match &mut self.phase {
            Phase::Resting { .. } => true,
            Phase::Trying => found || self.trial.missed(),
            Phase::Looking {
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

    /// Gives for how long to look now.
    fn settle(&mut self, verdict: Option<Verdict>) -> Option<Duration> {
        if let Some(verdict) = verdict {
            self.phase = Phase::Looking {
                left: LOOKS,
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

    /// What single messages cost says nothing where many share a wait.
    fn met_many(&mut self) {
        match &mut self.phase {
            Phase::Resting { left } => *left = REST.0.max(*left),
            Phase::Trying => {
                self.settle(None);
            }
            Phase::Looking { .. } => self.looked(false),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
