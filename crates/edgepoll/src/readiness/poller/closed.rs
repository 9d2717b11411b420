//! Descriptors that are closed while they are watched.
//!
//! The kernel drops the registration of such a descriptor without an event, and its number may stand for another file at once.

use super::registration::State;
use super::Poller;
use crate::Token;

impl Poller {
    /// Checks whether descriptors still are the registered files, for at most `limit` registrations, which take turns. Registrations
    /// whose descriptor was closed have ended, and the next wait reports that. Returns true if there is something to report.
    pub fn check_closed(&mut self, limit: usize) -> bool {
        let places = self.registrations.places();
        let mut checked = 0;
        // Empty slots do not count towards the limit, so a poller that was large once is checked as fast as others.
        for _ in 0..places {
            if checked == limit {
                break;
            }
            self.next_check = if self.next_check + 1 < places {
                self.next_check + 1
            } else {
                0
            };
            let Some((token, registration)) = self.registrations.at(self.next_check) else {
                continue;
            };
            checked += 1;
            let may_be_closed =
                registration.duplicate.is_none() && registration.state != State::Closed;
            if may_be_closed && !self.is_same_file(registration) {
                self.forget(token);
                self.mark_closed(token);
            }
        }
        self.has_closed()
    }

    /// Whether the next wait reports a closed descriptor. The poller's own descriptor does not become readable for that.
    #[must_use]
    pub fn has_closed(&self) -> bool {
        !self.closed.is_empty()
    }

    /// Ends a registration whose descriptor was closed. The next wait reports that.
    pub(super) fn mark_closed(&mut self, token: Token) {
        if let Some(registration) = self.registrations.get_mut(token) {
            registration.state = State::Closed;
            self.counters.closed += 1;
            self.closed.push(token);
        }
    }

    /// Removes a closed descriptor from the set. The kernel has dropped its registration already.
    pub(super) fn forget(&mut self, token: Token) {
        if let Some(gone) = self.registrations.get(token) {
            self.by_number.remove(&gone.fd);
            match &mut self.relay {
                Some(relay) if gone.is_relayed => relay.forget(token),
                _ => self.engine.forget(gone.fd),
            }
        }
    }
}
