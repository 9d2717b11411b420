//! Waits: how events are collected and reported, and how an engine with stale events is renewed.

use std::os::fd::AsRawFd;

use super::super::bits;
use super::super::counters::Batch;
use super::super::engine::Readiness;
use super::super::relay::RELAY;
use super::registration::{Registration, State};
use super::Poller;
use crate::Errno;

impl Poller {
    /// Has to be called before the caller waits for the poller's descriptor to become readable, again after each
    /// [`Poller::try_wait`], and again after each change of the registrations during a wait.
    ///
    /// # Errors
    /// EAGAIN if the engine needs a thread that cannot be started.
    pub fn begin_wait(&mut self) -> Result<(), Errno> {
        if let Some(relay) = &mut self.relay {
            relay.begin_wait();
        }
        self.engine.begin_wait()
    }

    /// Has to be called when the caller no longer waits. During a wait the engines poll and select keep the watched files open, even if
    /// their owners close them.
    pub fn end_wait(&mut self) {
        self.engine.end_wait();
    }

    /// Calls `each` for the events that are ready now, at most `room` of them (0 is taken for 1), without blocking.
    ///
    /// # Errors
    /// The kernel's errors.
    pub fn try_wait(
        &mut self,
        room: usize,
        mut each: impl FnMut(Readiness),
    ) -> Result<Batch, Errno> {
        let room = room.clamp(1, self.found.len());
        let mut events = 0;
        while events < room {
            let Some(token) = self.closed.pop() else {
                break;
            };
            // A registration that was unregistered meanwhile reports nothing.
            if self.registrations.remove(token).is_some() {
                let mask = bits::CLOSED;
                each(Readiness { token, mask });
                events += 1;
            }
        }
        if events == room {
            return Ok(Batch {
                events,
                renewed: false,
            });
        }
        self.counters.waits += 1;
        let found = self.collect(room - events)?;
        if self.unverified > 0 && found > 0 {
            self.verify(found);
        }
        let mut stale = 0;
        for at in 0..found {
            let event = self.found[at];
            let registration = self.registrations.get_mut(event.token);
            // One that is not armed may have an event: a renewed engine reports a hang-up also of a oneshot that has fired.
            let Some(registration) = registration.filter(|found| found.state == State::Armed)
            else {
                stale += u64::from(event.token != RELAY);
                continue;
            };
            if event.mask == bits::CLOSED {
                self.forget(event.token);
                self.registrations.remove(event.token);
                self.counters.closed += 1;
            } else {
                if registration.interest & bits::ONESHOT != 0 {
                    registration.state = State::Fired;
                }
                self.counters.events += 1;
            }
            each(event);
            events += 1;
        }
        self.counters.largest = self.counters.largest.max(events);
        self.counters.stale += stale;
        let renewed = self.renew_after(stale, events);
        Ok(Batch { events, renewed })
    }

    /// Makes the next wait that finds events check for up to `events` of them whether their descriptors still are the registered
    /// files. A file that is still open under another number or in another process goes on reporting events for a closed number.
    pub fn verify_next(&mut self, events: usize) {
        self.unverified = events;
    }

    fn verify(&mut self, found: usize) {
        let unverified = std::mem::take(&mut self.unverified);
        for at in 0..found.min(unverified) {
            let registration = self.registrations.get(self.found[at].token);
            if registration
                .is_some_and(|found| found.duplicate.is_none() && !self.is_same_file(found))
            {
                self.found[at].mask = bits::CLOSED;
            }
        }
    }

    /// Collects the events of the engine and the relay, at most `room` in all, and returns their number.
    fn collect(&mut self, room: usize) -> Result<usize, Errno> {
        let Some(relay) = &mut self.relay else {
            return self.engine.try_wait(&mut self.found[..room]);
        };
        let found = &mut self.found[..room];
        self.relay_first = !self.relay_first;
        let (first, second) = if self.relay_first {
            let first = relay.try_wait(found)?;
            (first, self.engine.try_wait(&mut found[first..]))
        } else {
            let first = self.engine.try_wait(found)?;
            (first, relay.try_wait(&mut found[first..]))
        };
        match second {
            Ok(second) => Ok(first + second),
            // The events found so far are reported now, and the error by the next wait.
            Err(_) if first > 0 => Ok(first),
            Err(errno) => Err(errno),
        }
    }

    fn renew_after(&mut self, stale: u64, events: usize) -> bool {
        if !self.stale_waits.count(stale, events) || self.retired.is_some() {
            return false;
        }
        self.stale_waits.restart();
        let relay = self.relay.as_ref();
        let relay = relay.map(|relay| (relay.wait_fd().as_raw_fd(), relay.interest, RELAY));
        let mut live = self
            .registrations
            .iter()
            .filter(|(_, registration)| {
                registration.state != State::Closed && !registration.is_relayed
            })
            .map(|(token, registration)| {
                let Registration { fd, interest, .. } = *registration;
                match registration.state {
                    State::Fired => (fd, interest & (bits::ONESHOT | bits::EDGE), token),
                    _ => (fd, interest, token),
                }
            })
            .chain(relay);
        let renewal = self.engine.renew(&mut live);
        drop(live);
        match renewal {
            Ok(retired) => self.retired = retired,
            // No descriptor, memory or watch is left. The poller keeps the old engine, and drops stale events until a later
            // renewal succeeds.
            Err(_) => self.stale_waits.failed(),
        }
        let renewed = self.retired.is_some();
        self.counters.renewals += u64::from(renewed);
        renewed
    }

    /// Closes what a renewal has replaced. To be called once the caller no longer waits on the old descriptor.
    pub fn finish_renewal(&mut self) {
        if self.retired.take().is_some() {
            self.stale_waits.renewed();
        }
    }

    /// Goes back to the old descriptor, for a caller that cannot wait on the new one. To be called before any other method, so that
    /// nothing changes in one of the two alone.
    pub fn undo_renewal(&mut self) {
        if let Some(old) = self.retired.take() {
            self.engine.restore(old);
            self.counters.renewals -= 1;
            self.stale_waits.failed();
        }
    }
}
