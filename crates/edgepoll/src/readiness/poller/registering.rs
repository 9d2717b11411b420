//! Registrations: how they begin, change and end.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::super::bits;
use super::super::engine::Refusal;
use super::super::relay::{Relay, RELAY};
use super::registration::{Registration, State};
use super::Poller;
use crate::kernel::descriptor::file::duplicate;
use crate::{Errno, Token};

impl Poller {
    /// Watches `fd` for `interest`: any of [`bits`] except ERROR and HANGUP, which are always reported.
    ///
    /// # Errors
    /// Those of epoll_ctl(2): EPERM for a regular file under epoll, EEXIST for a descriptor that is watched already; and what the
    /// engine refuses.
    ///
    /// # Safety
    /// The caller may use `fd` ([I/O safety](std::io#io-safety)) until the registration ends: by [`Poller::unregister`], by
    /// the drop of the poller, or by a [`bits::CLOSED`], which reports that the descriptor was closed. Between the close and
    /// that report the poller may check the readiness of a new file with the same number. It never reads, writes or closes a
    /// descriptor of that number, and never changes its flags.
    #[allow(
        unsafe_code,
        reason = "the function is unsafe because of what it demands of its caller; its body is safe code"
    )]
    pub unsafe fn register(&mut self, fd: RawFd, interest: u32) -> Result<Token, Refusal> {
        self.add(fd, None, interest)
    }

    /// Watches a duplicate of `fd` (F_DUPFD_CLOEXEC), which is closed when the registration ends. A close of `fd` itself then
    /// neither ends the registration nor makes the poller report the events of another file.
    ///
    /// # Errors
    /// EMFILE, and those of [`Poller::register`].
    pub fn register_duplicate(
        &mut self,
        fd: BorrowedFd<'_>,
        interest: u32,
    ) -> Result<Token, Refusal> {
        let copy = duplicate(fd)?;
        self.add(copy.as_raw_fd(), Some(copy), interest)
    }

    fn add(&mut self, fd: RawFd, copy: Option<OwnedFd>, interest: u32) -> Result<Token, Refusal> {
        // The number was free until the duplicate got it, so the descriptor of a registration under that number was closed.
        let closed = copy.as_ref().and(self.by_number.get(&fd)).copied();
        if let Some(old) = closed {
            self.forget(old);
            self.mark_closed(old);
        }
        let registration = Registration {
            fd,
            duplicate: copy,
            interest,
            state: State::Armed,
            is_relayed: false,
        };
        let token = self
            .registrations
            .insert(registration)
            .ok_or(Errno::ENOMEM)?;
        match self.watch(fd, interest, token) {
            Ok(is_relayed) => {
                if let Some(registration) = self.registrations.get_mut(token) {
                    registration.is_relayed = is_relayed;
                }
            }
            Err(refusal) => {
                self.registrations.remove(token);
                return Err(refusal);
            }
        }
        // The kernel has just added this number, so the descriptor of an earlier registration under it was closed.
        if let Some(old) = self.by_number.insert(fd, token) {
            self.remove_from_other_set(old, token);
            self.mark_closed(old);
        }
        Ok(token)
    }

    /// Removes `old` from its set, the engine's or the relay's, if `new`, which has the same number, is in the other one.
    fn remove_from_other_set(&mut self, old: Token, new: Token) {
        let is_relayed = |token| {
            self.registrations
                .get(token)
                .is_some_and(|found| found.is_relayed)
        };
        let (old_is, new_is) = (is_relayed(old), is_relayed(new));
        match &mut self.relay {
            Some(relay) if old_is => relay.forget(old),
            _ if new_is => {
                if let Some(gone) = self.registrations.get(old) {
                    self.engine.forget(gone.fd);
                }
            }
            _ => {}
        }
    }

    /// Adds the number to the relay or the engine. Returns true for the relay.
    fn watch(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<bool, Refusal> {
        let is_relayed = interest & bits::POLL_CONSUMES != 0 || self.engine.poll_consumes(fd);
        let existing = self.by_number.get(&fd).copied();
        let existing = existing.and_then(|token| self.registrations.get(token));
        // The engine and the relay each detect a second registration only among their own.
        let is_elsewhere = |existing: &Registration| existing.is_relayed != is_relayed;
        if existing.is_some_and(|existing| is_elsewhere(existing) && self.is_same_file(existing)) {
            return Err(Errno::EEXIST.into());
        }
        if is_relayed {
            match self.add_to_relay(fd, interest, token) {
                // The file does not support poll: the engine decides whether it refuses the file or reports it as ready.
                Err(Refusal::Kernel(Errno::EPERM)) => {}
                result => return result.map(|()| true),
            }
        }
        self.add_to_engine(fd, interest, token).map(|()| false)
    }

    fn add_to_relay(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        self.engine.supports(fd, interest)?;
        let relay = if let Some(relay) = &mut self.relay {
            relay
        } else {
            let relay = Relay::new()?;
            let wait_fd = relay.wait_fd().as_raw_fd();
            self.engine.add(wait_fd, relay.interest, RELAY)?;
            self.relay.insert(relay)
        };
        let relay_interest = relay.interest | interest & bits::WAKEUP;
        if relay_interest != relay.interest {
            // The relay's descriptor gets EPOLLWAKEUP too, so that the system stays awake until the relay's events are fetched.
            self.engine
                .modify(relay.wait_fd().as_raw_fd(), relay_interest, RELAY)?;
            relay.interest = relay_interest;
        }
        let result = relay.add(fd, interest, token);
        let exists = result == Err(Refusal::Kernel(Errno::EEXIST));
        // As in `add_to_engine`.
        if exists && !self.by_number.contains_key(&fd) && relay.remove(fd, RELAY).is_ok() {
            return relay.add(fd, interest, token);
        }
        result
    }

    /// If the kernel still has this file under this number, but the poller has no registration of it, the number was closed while
    /// it was watched, the file lived on, and it got its number back. What could not be removed then is removed now.
    fn add_to_engine(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        let result = self.engine.add(fd, interest, token);
        let exists = result == Err(Refusal::Kernel(Errno::EEXIST));
        if exists && !self.by_number.contains_key(&fd) && self.engine.remove(fd).is_ok() {
            return self.engine.add(fd, interest, token);
        }
        result
    }

    fn open_registration(&mut self, token: Token) -> Result<&mut Registration, Refusal> {
        let found = self.registrations.get_mut(token).ok_or(Errno::ENOENT)?;
        if found.state == State::Closed {
            return Err(Refusal::Closed);
        }
        Ok(found)
    }

    /// Changes the interest. The kernel checks the descriptor again: a condition that holds is reported again, also with an edge
    /// trigger.
    ///
    /// # Errors
    /// Those of epoll_ctl(2); ENOENT if the registration has ended, [`Refusal::Closed`] if its descriptor was closed.
    pub fn modify(&mut self, token: Token, interest: u32) -> Result<(), Refusal> {
        let Registration { fd, is_relayed, .. } = *self.open_registration(token)?;
        match &mut self.relay {
            Some(relay) if is_relayed => {
                self.engine.supports(fd, interest)?;
                relay.modify(fd, interest, token)?;
            }
            _ => self.engine.modify(fd, interest, token)?,
        }
        let registration = self.open_registration(token)?;
        registration.interest = interest;
        registration.state = State::Armed;
        Ok(())
    }

    /// Rearms a oneshot registration with the same interest. Otherwise as [`Poller::modify`].
    ///
    /// # Errors
    /// Those of [`Poller::modify`].
    pub fn rearm(&mut self, token: Token) -> Result<(), Refusal> {
        let interest = self.open_registration(token)?.interest;
        self.modify(token, interest)
    }

    /// Ends a registration. The token is stale from now on, whatever the result is.
    ///
    /// # Errors
    /// EBADF or ENOENT if the descriptor was closed before, because the kernel has dropped the registration already.
    pub fn unregister(&mut self, token: Token) -> Result<(), Errno> {
        let gone = self.registrations.remove(token).ok_or(Errno::ENOENT)?;
        if gone.state == State::Closed {
            return Err(Errno::ENOENT);
        }
        self.by_number.remove(&gone.fd);
        // Before the duplicate is closed, because a closed descriptor cannot be removed.
        let removed = match &mut self.relay {
            Some(relay) if gone.is_relayed => relay.remove(gone.fd, token),
            _ => self.engine.remove(gone.fd),
        };
        drop(gone);
        removed
    }
}
