//! The timers of one connection: for each kind, when it expires. It reads no clock.

use edgepoll_protocol::abi::TIMERS;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The connect must have ended.
    Connect,
    /// A connection that is about to end is checked.
    Check,
    /// A connection that is about to end is late.
    Late,
    /// A send for which the kernel had no memory is tried again.
    Retry,
    /// The first deadline of the peer.
    Deadline,
    /// The first timer of the connection's layers.
    Layers,
    /// The session's own timer of this number, which is below [`TIMERS`].
    Session(u8),
}

/// How many timers there are.
const COUNT: usize = 6 + TIMERS;
/// The time of a timer that is not set.
const NEVER: u64 = u64::MAX;

impl Timer {
    /// The timers of a session.
    pub(crate) fn of_session() -> impl Iterator<Item = Timer> {
        (0..TIMERS as u8).map(Timer::Session)
    }

    /// The timers that no session sets.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn of_core() -> impl Iterator<Item = Timer> {
        let of_end = [Timer::Connect, Timer::Check, Timer::Late];
        of_end
            .into_iter()
            .chain([Timer::Retry, Timer::Layers, Timer::Deadline])
    }

    fn place(self) -> usize {
        match self {
            Timer::Connect => 0,
            Timer::Check => 1,
            Timer::Late => 2,
            Timer::Retry => 3,
            Timer::Layers => 4,
            Timer::Deadline => 5,
            Timer::Session(number) => 6 + usize::from(number),
        }
    }
}

/// Which timers are set, and when they expire, in nanoseconds of the kernel's clock.
///
/// Most connections have one timer at most, and need no memory besides this.
#[derive(Debug, Default)]
pub(crate) struct Timers(Table);

#[derive(Debug, Default)]
enum Table {
    #[default]
    Empty,
    One {
        at: u64,
        timer: Timer,
    },
    /// The times, by [`Timer::place`]; [`NEVER`] if it is not set.
    Many(Box<[u64; COUNT]>),
}

impl Timers {
    /// When the timer expires, if it is set.
    pub(crate) fn get(&self, timer: Timer) -> Option<u64> {
        match &self.0 {
            Table::One { at, timer: one } if *one == timer => Some(*at),
            Table::Empty | Table::One { .. } => None,
            Table::Many(times) => Some(times[timer.place()]).filter(|at| *at != NEVER),
        }
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.get(timer).is_some()
    }

    /// True when the timer is set and has expired at the time `now`.
    pub(crate) fn is_due(&self, timer: Timer, now: u64) -> bool {
        self.get(timer).is_some_and(|at| at <= now)
    }

    /// Sets the timer, or moves it if it is set.
    pub(crate) fn set(&mut self, timer: Timer, at: u64) {
        let at = at.min(NEVER - 1);
        match &mut self.0 {
            Table::Many(times) => times[timer.place()] = at,
            Table::One {
                at: before,
                timer: one,
            } if *one != timer => {
                let mut times = Box::new([NEVER; COUNT]);
                times[one.place()] = *before;
                times[timer.place()] = at;
                self.0 = Table::Many(times);
            }
            Table::Empty | Table::One { .. } => self.0 = Table::One { at, timer },
        }
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        match &mut self.0 {
            Table::One { timer: one, .. } if *one == timer => self.0 = Table::Empty,
            Table::Empty | Table::One { .. } => {}
            Table::Many(times) => times[timer.place()] = NEVER,
        }
    }

    pub(crate) fn clear_all(&mut self) {
        self.0 = Table::Empty;
    }

    /// Clears the timers of the session, which is not called any more.
    pub(crate) fn clear_session(&mut self) {
        for timer in Timer::of_session() {
            self.clear(timer);
        }
    }

    /// When the soonest timer expires, if one is set.
    pub(crate) fn soonest(&self) -> Option<u64> {
        match &self.0 {
            Table::Empty => None,
            Table::One { at, .. } => Some(*at),
            Table::Many(times) => times.iter().copied().min().filter(|at| *at != NEVER),
        }
    }

    /// When the soonest timer expires that has not expired at the time `now`.
    pub(crate) fn soonest_after(&self, now: u64) -> Option<u64> {
        match &self.0 {
            Table::Empty => None,
            Table::One { at, .. } => Some(*at).filter(|at| *at > now),
            Table::Many(times) => {
                let later = times.iter().copied().filter(|at| *at > now);
                later.min().filter(|at| *at != NEVER)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Timer> {
        Timer::of_core().chain(Timer::of_session()).collect()
    }

    #[test]
    fn table_is_small() {
        assert_eq!(size_of::<Timers>(), 16);
        assert_eq!(all().len(), COUNT);
    }

    #[test]
    fn every_timer_is_set_moved_and_cleared_alone() {
        for first in all() {
            for second in all() {
                let mut timers = Timers::default();
                assert_eq!((timers.get(first), timers.soonest()), (None, None));
                timers.set(first, 70);
                timers.set(first, 50);
                assert_eq!((timers.get(first), timers.soonest()), (Some(50), Some(50)));
                timers.set(second, 40);
                assert_eq!((timers.get(second), timers.soonest()), (Some(40), Some(40)));
                assert!(timers.is_due(second, 40) && !timers.is_due(second, 39));
                timers.clear(second);
                let left = (first != second).then_some(50);
                assert_eq!((timers.get(first), timers.soonest()), (left, left));
                assert!(!timers.is_set(second));
                timers.clear_all();
                assert_eq!(timers.soonest(), None);
            }
        }
    }

    #[test]
    fn timers_that_have_expired_are_not_the_soonest_after_that() {
        let mut timers = Timers::default();
        assert_eq!(timers.soonest_after(0), None);
        timers.set(Timer::Late, 5);
        assert_eq!(
            (timers.soonest_after(4), timers.soonest_after(5)),
            (Some(5), None)
        );
        timers.set(Timer::Session(1), 9);
        assert_eq!(
            (timers.soonest_after(5), timers.soonest_after(9)),
            (Some(9), None)
        );
    }

    #[test]
    fn another_session_has_no_timers() {
        for own in [None, Some(Timer::Late)] {
            let mut timers = Timers::default();
            for timer in Timer::of_session().chain(own) {
                timers.set(timer, 9);
            }
            timers.clear_session();
            assert_eq!(timers.soonest(), own.map(|_| 9));
        }
    }

    #[test]
    fn latest_time_is_a_time() {
        let mut timers = Timers::default();
        timers.set(Timer::Check, u64::MAX);
        timers.set(Timer::Late, u64::MAX);
        assert!(timers.is_set(Timer::Check) && timers.is_set(Timer::Late));
    }
}
