//! What the peer has to do in time: send its first byte, move bytes at all, complete a message, take what is queued.
//!
//! All deadlines of a connection share one timer. Moving one changes a number here and nothing else: the timer comes up at the old time,
//! finds that nothing is late, and is set to the next deadline. Times are milliseconds in 32 bits, of which only differences count.

use std::fmt;

use super::{Connection, Limits, Reading, Sink, Writing};

/// What the peer was late with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadline {
    /// Neither side has sent a byte since the connection was accepted: [`Limits::first_byte_timeout`].
    FirstByte = 0,
    /// No byte has moved in either direction: [`Limits::idle_timeout`].
    Idle = 1,
    /// A message has begun and is not complete: [`Limits::message_timeout`] and [`Limits::receive_rate`].
    Message = 2,
    /// Bytes wait to be sent, and the peer takes too few of them: [`Limits::send_timeout`] and [`Limits::send_rate`].
    Send = 3,
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Deadline::FirstByte => "the peer sent no first byte in time",
            Deadline::Idle => "the connection was idle for too long",
            Deadline::Message => "the peer did not complete its message in time",
            Deadline::Send => "the peer did not take in time what was sent to it",
        })
    }
}

/// The time of a turn, in milliseconds. Rounded up for what begins now and rounded down for what is judged now, so that no deadline
/// passes early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Rounded up. Never 0, which stands for no time.
    begin: u32,
    /// Rounded down.
    judge: u64,
}

const MILLISECOND: u64 = 1_000_000;
/// So many milliseconds at most is what begins now later than the time by which it is judged: one for the rounding, and one because 0 is
/// taken for 1.
const ROUNDED_UP: u32 = 2;
/// A connection without a byte for so many milliseconds counts as quiet again, however much it got before.
const QUIET: u64 = 1_000;
/// The longest time, in milliseconds: 46 days. A difference of two times is known only below 2^32 ms.
const LONGEST: u64 = 4_000_000_000;

impl Clock {
    /// The clock at a time in nanoseconds.
    #[must_use]
    pub fn new(now: u64) -> Clock {
        Clock {
            begin: (now.div_ceil(MILLISECOND) as u32).max(1),
            judge: now / MILLISECOND,
        }
    }

    /// The time, rounded down.
    pub(crate) fn milliseconds(self) -> u64 {
        self.judge
    }

    /// The time in nanoseconds, rounded down to milliseconds.
    #[must_use]
    pub fn nanoseconds(self) -> u64 {
        self.judge * MILLISECOND
    }

    /// How many milliseconds have passed since something began.
    fn since(self, begin: u32) -> u64 {
        let passed = (self.judge as u32).wrapping_sub(begin);
        // What began in this millisecond was rounded up.
        let is_to_come = passed > u32::MAX - ROUNDED_UP;
        if is_to_come {
            0
        } else {
            u64::from(passed)
        }
    }

    /// The time in so many milliseconds, in nanoseconds.
    fn after(self, milliseconds: u64) -> u64 {
        let at = self.judge.saturating_add(milliseconds);
        at.saturating_mul(MILLISECOND)
    }
}

/// When each of the things began that have a deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// The last byte moved, or the connection was established.
    pub moved: u32,
    /// The message began that is not complete. 0 if there is none.
    pub message: u32,
    /// The queue was empty for the last time. 0 if it is empty.
    pub queued: u32,
    /// The low bits of the number of bytes that the kernel had taken then.
    pub taken: u32,
}

/// What the deadlines are about.
#[derive(Clone, Copy, Debug)]
struct State {
    /// The peer was accepted, and no byte has moved.
    is_new: bool,
    /// Bytes of the message that is not complete.
    message: usize,
    /// Bytes that the kernel has taken.
    taken: u64,
}

impl Since {
    /// A byte has moved, or the connection is established.
    #[inline]
    pub fn moves(&mut self, clock: Clock) {
        self.moved = clock.begin;
    }

    /// True when a byte moved less than [`QUIET`] ago.
    #[inline]
    pub(crate) fn is_moving(&self, clock: Clock) -> bool {
        clock.since(self.moved) < QUIET
    }

    /// Something begins now.
    fn begin(since: &mut u32, clock: Clock) {
        *since = clock.begin;
    }

    /// The deadline that has passed, or when the next one does. `None` if none is set.
    fn judge(&self, clock: Clock, state: State, limits: &Limits) -> Result<Option<u64>, Deadline> {
        let sent = (state.taken as u32).wrapping_sub(self.taken);
        let first = if state.is_new {
            limits.first_byte_timeout
        } else {
            0
        };
        let all = [
            (
                Deadline::Idle,
                self.moved,
                u64::from(limits.idle_timeout).min(LONGEST),
            ),
            (Deadline::FirstByte, self.moved, u64::from(first)),
            (
                Deadline::Message,
                self.message,
                with_rate(
                    limits.message_timeout,
                    state.message as u64,
                    limits.receive_rate,
                ),
            ),
            (
                Deadline::Send,
                self.queued,
                with_rate(limits.send_timeout, u64::from(sent), limits.send_rate),
            ),
        ];
        let mut next = None::<u64>;
        for (deadline, begin, time) in all {
            if begin == 0 || time == 0 {
                continue;
            }
            let passed = clock.since(begin);
            if passed >= time {
                return Err(deadline);
            }
            let left = time - passed;
            next = Some(next.map_or(left, |other| other.min(left)));
        }
        Ok(next.map(|left| clock.after(left)))
    }
}

impl Connection {
    /// The deadline that has passed, or when the next one does. `None` if none is set.
    ///
    /// # Errors
    /// The deadline.
    pub fn judge(&self, clock: Clock) -> Result<Option<u64>, Deadline> {
        if matches!(self.writing, Writing::Connecting | Writing::Failed) {
            return Ok(None);
        }
        let state = State {
            // The first byte may lie in the kernel, because the owner does not read.
            is_new: self.is_new() && !self.is_stopped(),
            message: self.carry.len(),
            taken: self.bytes_written,
        };
        self.since.judge(clock, state, &self.limits)
    }

    /// Notes whether a message has begun that is not complete, after a look at the input. Returns true if one has begun now.
    pub fn note_message(&mut self, clock: Clock) -> bool {
        let is_open = matches!(self.reading, Reading::Open(Sink::Inbox));
        let is_partial =
            self.wire.is_some() && !self.carry.is_empty() && !self.carry_ready && is_open;
        if !is_partial {
            self.since.message = 0;
            return false;
        }
        let begins = self.since.message == 0;
        if begins {
            Since::begin(&mut self.since.message, clock);
        }
        begins
    }

    /// True when the connection was accepted, no byte has moved, and the owner wants the peer's bytes.
    fn is_new(&self) -> bool {
        let is_wanted = self.reading != Reading::Open(Sink::Discard);
        self.listener.is_some() && is_wanted && self.bytes_read == 0 && self.bytes_written == 0
    }

    /// The owner reads again: the times for the first byte and for the message begin anew.
    pub fn restart_reading(&mut self, clock: Clock) {
        if self.is_new() {
            self.since.moves(clock);
        }
        self.restart_message(clock);
    }

    /// The time for the message begins anew if the owner does not read: the rest of the message may have arrived.
    pub fn restart_message_if_stopped(&mut self, clock: Clock) {
        if self.is_held_back() {
            self.restart_message(clock);
        }
    }

    /// The time for the message begins anew.
    pub fn restart_message(&mut self, clock: Clock) {
        if self.since.message != 0 {
            Since::begin(&mut self.since.message, clock);
        }
    }

    /// How fast the kernel takes what is queued, slowest first: bytes in a second, and then those that have waited longest.
    pub fn pace(&self, clock: Clock) -> (u64, std::cmp::Reverse<u64>) {
        if self.since.queued == 0 {
            return (u64::MAX, std::cmp::Reverse(0));
        }
        let waited = clock.since(self.since.queued);
        let sent = u64::from((self.bytes_written as u32).wrapping_sub(self.since.taken));
        (sent * 1_000 / (waited + 1), std::cmp::Reverse(waited))
    }

    /// Notes whether bytes wait to be sent. Returns true if the first has begun to wait now.
    pub fn note_queue(&mut self, clock: Clock) -> bool {
        if self.queue.is_empty() {
            self.since.queued = 0;
            return false;
        }
        let begins = self.since.queued == 0;
        if begins {
            Since::begin(&mut self.since.queued, clock);
            self.since.taken = self.bytes_written as u32;
        }
        begins
    }
}

/// `timeout`, and a second for each `rate` bytes that have moved. 0 if there is no timeout.
fn with_rate(timeout: u32, bytes: u64, rate: u32) -> u64 {
    let more = if timeout == 0 {
        0
    } else {
        bytes
            .saturating_mul(1000)
            .checked_div(u64::from(rate))
            .unwrap_or(0)
    };
    u64::from(timeout).saturating_add(more).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest option is 2^31 − 1 ms, and a turn may come late.
    #[test]
    fn the_longest_times_pass() {
        for start in [
            0,
            1,
            999_999,
            1_000_000,
            u64::from(u32::MAX) * MILLISECOND - 1,
        ] {
            let mut since = Since::default();
            since.moves(Clock::new(start));
            for timeout in [1, 1_000, i32::MAX.cast_unsigned(), 4_000_000_000] {
                let limits = Limits {
                    idle_timeout: timeout,
                    ..Limits::default()
                };
                let state = State {
                    is_new: false,
                    message: 0,
                    taken: 0,
                };
                let after = |milliseconds: u64| Clock::new(start + milliseconds * MILLISECOND);
                let timeout = u64::from(timeout);
                assert!(since.judge(after(0), state, &limits).is_ok());
                assert!(since.judge(after(timeout - 1), state, &limits).is_ok());
                for late in [2, 3, 1_000, 100_000_000] {
                    let judged = since.judge(after(timeout + late), state, &limits);
                    assert_eq!(judged, Err(Deadline::Idle), "{start} {timeout} {late}");
                }
            }
        }
    }
}
