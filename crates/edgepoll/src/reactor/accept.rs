//! Accepts connections: as many as the budget, the owner's credit and the connection limit allow.
//!
//! When descriptors or memory are short, or a policy refuses every accept, the listener pauses. A listener that is ready is
//! always either on the ready list or has a time to resume, because no edge comes for what already waits in the backlog.

use std::rc::Rc;

use super::admission::Dropped;
use super::entry::Entry;
use super::inbox::{Event, Inbox, MIN_ROOM};
use super::listener::{Refusal, FORGET_AFTER};
use super::occupant::Occupant;
use super::state::Reactor;
use crate::connection::{Connection, Wire, Writing};
use crate::kernel::{Interest, Kernel};
use crate::protocol::Role;
use crate::{Address, Errno, Token};

impl<K: Kernel> Reactor<K> {
    /// Makes at most so many accepts.
    pub(super) fn accept<I: Inbox>(&mut self, token: Token, most: u32, inbox: &mut I) {
        self.accept_some(token, most, inbox);
        self.report_drops(token, inbox);
    }

    fn accept_some<I: Inbox>(&mut self, token: Token, most: u32, inbox: &mut I) {
        let clock = self.clock;
        for _ in 0..most {
            let Some(Occupant::Listener(listener)) = self.slots.get_mut(token) else {
                return;
            };
            if !listener.may_accept() || inbox.room() < MIN_ROOM {
                return;
            }
            match self.kernel.accept(&listener.socket) {
                Ok((socket, peer)) => {
                    let admitted =
                        listener
                            .clients
                            .admit(&listener.options.admission, &peer, clock);
                    if let Err(reason) = admitted {
                        self.drop_client(token, socket, peer, reason);
                        continue;
                    }
                    if let Err(errno) = self.admit(token, socket, peer, inbox) {
                        self.pause_accepting(token, errno, inbox);
                        return;
                    }
                }
                Err(errno) => match Refusal::of(errno) {
                    Refusal::Next if listener.handle_refusal() => {
                        self.pause_accepting(token, errno, inbox);
                        return;
                    }
                    Refusal::Next => {}
                    Refusal::Empty => {
                        listener.handle_empty();
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

    /// Makes a connection of an accepted socket. On an error the socket is closed.
    fn admit<I: Inbox>(
        &mut self,
        listener: Token,
        socket: K::Socket,
        peer: Address,
        inbox: &mut I,
    ) -> Result<(), Errno> {
        let Some(from) = self.listener_mut(listener) else {
            return Err(Errno::EINVAL);
        };
        let session = |protocol| Wire::new(protocol, Role::Server);
        let wire = from.options.protocol.as_ref().map(session);
        let layers = from.options.layers.clone();
        let limits = Rc::clone(&from.limits);
        let connection = Connection::new(Writing::Open, peer.clone(), Some(listener), wire, limits);
        let admitted = self.admit_socket(socket, connection);
        let token = match admitted {
            Ok(token) => token,
            Err(errno) => {
                self.client_left(listener, &peer);
                return Err(errno);
            }
        };
        if let Some(from) = self.listener_mut(listener) {
            from.handle_accepted();
        }
        self.stats.accepts += 1;
        inbox.event(Event::Opened {
            token,
            listener,
            peer,
        });
        self.begin_deadlines(token);
        self.start_layers(token, &layers);
        self.start_session(token);
        self.settle(token);
        Ok(())
    }

    /// Closes a connection that the listener refuses, before it has a slot.
    fn drop_client(&mut self, listener: Token, socket: K::Socket, peer: Address, reason: Dropped) {
        self.stats.count_dropped(reason);
        if let Some(from) = self.listener_mut(listener) {
            from.handle_dropped(peer, reason);
            if from.options.admission.reset {
                // If the kernel refuses, the peer sees FIN.
                let _ = self.kernel.reset_on_close(&socket);
            }
        }
        self.kernel.close(socket);
    }

    /// Reports dropped connections, if it is time, or sets the timer for that.
    fn report_drops<I: Inbox>(&mut self, token: Token, inbox: &mut I) {
        let Some(Occupant::Listener(listener)) = self.slots.get_mut(token) else {
            return;
        };
        listener.must_report = false;
        if listener.drops.report_at().is_none() {
            return;
        }
        if let Some(report) = listener.drops.report(self.kernel.now()) {
            inbox.event(Event::Dropped {
                listener: token,
                peer: report.peer,
                reason: report.reason,
                count: report.count,
            });
        }
        self.set_listener_timer(token);
    }

    /// Gives a socket a slot and registers it. On an error neither has happened and the socket is closed.
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
        let entry = Entry::new(connection);
        let Some(token) = self.slots.insert(Occupant::Connection(entry)) else {
            self.kernel.close(socket);
            return Err(Errno::ENOMEM);
        };
        if let Err(errno) = self.kernel.register(&socket, token, interest) {
            self.slots.remove(token);
            self.kernel.close(socket);
            return Err(errno);
        }
        if let Some(entry) = self.entry_mut(token) {
            entry.socket = Some(socket);
        }
        Ok(token)
    }

    /// Pauses the listener and sets the time to resume, because no edge comes for what already waits in the backlog.
    fn pause_accepting<I: Inbox>(&mut self, token: Token, errno: Errno, inbox: &mut I) {
        let Some(listener) = self.listener_mut(token) else {
            return;
        };
        let pause = listener.handle_pause();
        self.stats.accept_pauses += 1;
        let at = self.after(pause);
        if let Some(listener) = self.listener_mut(token) {
            listener.resume_at = at;
        }
        self.set_listener_timer(token);
        inbox.event(Event::AcceptPaused {
            listener: token,
            errno,
        });
    }

    /// A connection of the listener was closed. There is a free descriptor and room under the connection limit, so a pause ends.
    pub(super) fn connection_left(&mut self, token: Token, peer: &Address) {
        self.client_left(token, peer);
        let Some(listener) = self.listener_mut(token) else {
            return;
        };
        listener.open -= 1;
        listener.resume_at = 0;
        self.list(token);
    }

    /// A client has one connection less. If there are many clients without a connection, they are forgotten after a second.
    fn client_left(&mut self, token: Token, peer: &Address) {
        let clock = self.clock;
        let Some(listener) = self.listener_mut(token) else {
            return;
        };
        listener
            .clients
            .left(&listener.options.admission, peer, clock);
        if listener.forget_at == 0 && listener.clients.has_many_idle() {
            let at = self.after(FORGET_AFTER);
            if let Some(listener) = self.listener_mut(token) {
                listener.forget_at = at;
            }
            self.set_listener_timer(token);
        }
    }
}
