//! Accepting: under a budget, within the owner's credit and the connection limit, and through refusals (no descriptors, no
//! memory, a policy) without spinning or stalling.
//!
//! It must never leave a listener that is ready neither listed nor with a time to resume.

use std::rc::Rc;

use super::turn::MIN_ROOM;
use super::{Entry, Event, Inbox, ListenOptions, Occupant, Reactor};
use crate::connection::{Connection, Limits, Writing};
use crate::kernel::{Interest, Kernel};
use crate::{Address, Errno, Token};

/// First and longest pause after a refusal that stops the listener, in milliseconds; it doubles between them.
const FIRST_PAUSE: u32 = 5;
const LONGEST_PAUSE: u32 = 1_000;
/// How many accepts in a row may fail with an error that concerns one client. After that many, without a connection or an empty
/// backlog in between, the listener pauses. A policy may refuse the call itself and leave the client in the backlog (seccomp, a
/// security module), or a signal may interrupt every call. Clients that a firewall refuses do not stay in the backlog.
const MOST_REFUSALS: u32 = 64;

/// A listening socket.
pub(crate) struct Listener<S> {
    pub(super) socket: S,
    pub(super) options: ListenOptions,
    /// The one address that its connections have on this side; `None` when it listens on all of them.
    pub(super) bound: Option<Address>,
    /// Shared by its connections: most are idle, and should be small.
    limits: Rc<Limits>,
    /// The backlog may hold connections.
    pub(super) ready: bool,
    pub(super) listed: bool,
    /// Connections that it accepted and that are open.
    pub(super) open: u32,
    /// When accepting goes on after a pause; 0 when there is none.
    pub(super) resume_at: u64,
    /// How long the next pause lasts.
    pause: u32,
    /// Accepts that failed in a row with an error that concerns one client.
    refusals: u32,
}

impl<S> Listener<S> {
    pub(super) fn new(socket: S, options: ListenOptions, bound: Option<Address>) -> Listener<S> {
        Listener {
            socket,
            bound,
            limits: Rc::new(options.limits),
            options,
            ready: false,
            listed: false,
            open: 0,
            resume_at: 0,
            pause: FIRST_PAUSE,
            refusals: 0,
        }
    }

    /// A connection was accepted, or the backlog is empty: the errors of earlier accepts no longer count.
    fn handle_progress(&mut self) {
        self.pause = FIRST_PAUSE;
        self.refusals = 0;
    }

    /// An accept failed with an error that concerns one client. Gives true when too many in a row did.
    fn handle_refusal(&mut self) -> bool {
        self.refusals += 1;
        self.refusals > MOST_REFUSALS
    }

    pub(super) fn may_accept(&self) -> bool {
        self.ready
            && self.resume_at == 0
            && self.options.credit > 0
            && self.open < self.options.max_connections
    }
}

/// What an accept's error says of the listener (accept(2), ERRORS).
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// The backlog is empty.
    Empty,
    /// One connection failed, or a firewall refused it; the next accept may succeed. EPERM may also come from a policy that
    /// refuses the call itself: only repeated failures show that.
    Next,
    /// Descriptors or memory are short.
    Shortage,
}

fn refusal(errno: Errno) -> Refusal {
    match errno {
        Errno::EAGAIN => Refusal::Empty,
        Errno::EINTR
        | Errno::ECONNABORTED
        | Errno::EPERM
        | Errno::EPROTO
        | Errno::ENOPROTOOPT
        | Errno::ENETDOWN
        | Errno::ENETUNREACH
        | Errno::EHOSTDOWN
        | Errno::EHOSTUNREACH
        | Errno::ENONET
        | Errno::EOPNOTSUPP => Refusal::Next,
        // EMFILE, ENFILE, ENOBUFS, ENOMEM; and whatever else is no reason to spin.
        _ => Refusal::Shortage,
    }
}

impl<K: Kernel> Reactor<K> {
    pub(super) fn accept<I: Inbox>(&mut self, token: Token, inbox: &mut I) {
        for _ in 0..self.budget.accepts {
            let Some(Occupant::Listener(listener)) = self.slots.get_mut(token) else {
                return;
            };
            if !listener.may_accept() || inbox.room() < MIN_ROOM {
                return;
            }
            match self.kernel.accept(&listener.socket) {
                Ok((socket, peer)) => {
                    if let Err(errno) = self.admit(token, socket, peer, inbox) {
                        self.pause_accepting(token, errno, inbox);
                        return;
                    }
                }
                Err(errno) => match refusal(errno) {
                    Refusal::Next if listener.handle_refusal() => {
                        self.pause_accepting(token, errno, inbox);
                        return;
                    }
                    Refusal::Next => {}
                    Refusal::Empty => {
                        listener.ready = false;
                        listener.handle_progress();
                        return;
                    }
                    Refusal::Shortage => {
                        self.pause_accepting(token, errno, inbox);
                        return;
                    }
                },
            }
        }
    }

    /// Makes an accepted socket a connection; on an error it is closed.
    fn admit<I: Inbox>(
        &mut self,
        listener: Token,
        socket: K::Socket,
        peer: Address,
        inbox: &mut I,
    ) -> Result<(), Errno> {
        let Some(Occupant::Listener(from)) = self.slots.get_mut(listener) else {
            return Err(Errno::EINVAL);
        };
        let codec = (from.options.codec)();
        let connection = Connection::new(
            Writing::Open,
            peer.clone(),
            Some(listener),
            codec,
            Rc::clone(&from.limits),
        );
        let token = self.admit_socket(socket, connection)?;
        if let Some(Occupant::Listener(from)) = self.slots.get_mut(listener) {
            from.open += 1;
            from.handle_progress();
            // u32::MAX stands for «no bound».
            if from.options.credit != u32::MAX {
                from.options.credit -= 1;
            }
        }
        self.stats.accepts += 1;
        inbox.event(Event::Opened {
            token,
            listener,
            peer,
        });
        Ok(())
    }

    /// Gives a socket a slot and registers it; all or nothing.
    pub(super) fn admit_socket(
        &mut self,
        socket: K::Socket,
        connection: Connection,
    ) -> Result<Token, Errno> {
        let interest = if connection.watches_writable {
            Interest::Connecting
        } else {
            Interest::Stream
        };
        let entry = Entry {
            socket: None,
            connection,
            listed: false,
            noted: false,
            tell_queued: false,
            tell_failed: false,
            resets: false,
            closed: None,
            unsent: 0,
        };
        let Some(token) = self.slots.insert(Occupant::Connection(entry)) else {
            self.kernel.close(socket);
            return Err(Errno::ENOMEM);
        };
        if let Err(errno) = self.kernel.register(&socket, token, interest) {
            self.slots.remove(token);
            self.kernel.close(socket);
            return Err(errno);
        }
        if let Some(Occupant::Connection(entry)) = self.slots.get_mut(token) {
            entry.socket = Some(socket);
        }
        Ok(token)
    }

    /// No edge comes for what already waits in the backlog, so a time to go on is set.
    fn pause_accepting<I: Inbox>(&mut self, token: Token, errno: Errno, inbox: &mut I) {
        let Some(Occupant::Listener(listener)) = self.slots.get_mut(token) else {
            return;
        };
        let pause = listener.pause;
        listener.refusals = 0;
        listener.pause = (pause * 2).min(LONGEST_PAUSE);
        self.stats.accept_pauses += 1;
        let at = self.after(pause);
        self.set_deadline(token, Some(at));
        inbox.event(Event::AcceptPaused {
            listener: token,
            errno,
        });
    }

    /// One of the listener's connections closed: a descriptor is free, and there is room under the limit.
    pub(super) fn connection_left(&mut self, token: Token) {
        let Some(Occupant::Listener(listener)) = self.slots.get_mut(token) else {
            return;
        };
        listener.open -= 1;
        if listener.resume_at != 0 {
            self.set_deadline(token, None);
        }
        self.list(token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_errors_of_one_connection_do_not_stop_the_listener() {
        for errno in [
            Errno::ENETDOWN,
            Errno::EPROTO,
            Errno::EHOSTDOWN,
            Errno::ECONNABORTED,
            Errno::EINTR,
        ] {
            assert_eq!(refusal(errno), Refusal::Next, "{errno}");
        }
        for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM] {
            assert_eq!(refusal(errno), Refusal::Shortage, "{errno}");
        }
        assert_eq!(refusal(Errno::EAGAIN), Refusal::Empty);
    }
}
