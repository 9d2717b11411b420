//! The kernel's alarm for the soonest timer. It is set only if it would come too late: while it is early enough, setting, moving and
//! clearing timers makes no system call. An alarm that comes too early wakes one turn, which sets the next.

use crate::Errno;

/// What is known of the kernel's alarm.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    /// When it goes off, in nanoseconds of the kernel's clock. `None` if it does not.
    pub(super) at: Option<u64>,
    pub(super) state: State,
    /// A turn runs, which sets the alarm at its end.
    pub(super) waits_for_turn: bool,
}

/// Whether the kernel sets the alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Works,
    /// The kernel refused, and the owner has not got the event for that yet.
    Refused(Errno),
    /// The kernel refused, and the owner has got the event.
    Reported,
}

impl Alarm {
    pub(super) fn has_report(&self) -> bool {
        matches!(self.state, State::Refused(_))
    }

    /// False when no timer is set. The alarm is set for each one, unless the kernel refuses it.
    pub(super) fn may_be_due(&self) -> bool {
        self.at.is_some() || self.state != State::Works
    }

    /// True when the alarm goes off at `at` or before.
    pub(super) fn is_by(&self, at: u64) -> bool {
        self.at.is_some_and(|alarm| alarm <= at)
    }
}
