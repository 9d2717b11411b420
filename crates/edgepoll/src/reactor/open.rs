//! Commands that open and close listeners, and the one that opens a connection.

use std::rc::Rc;

use super::listener::Listener;
use super::occupant::Occupant;
use super::options::{ConnectOptions, ListenOptions};
use super::state::Reactor;
use crate::connection::{Connection, Failure, Timer, Wire, Writing};
use crate::kernel::{ConnectFlags, Interest, Kernel, ListenFlags};
use crate::protocol::Role;
use crate::{Address, AddressSet, Call, Errno, Token};

impl<K: Kernel> Reactor<K> {
    /// Listens on a TCP address. Turns accept the connections, and report each by [`Event::Opened`](super::Event::Opened).
    ///
    /// # Errors
    /// The call that failed and its error number, EADDRINUSE and EACCES among them. EAFNOSUPPORT if the address is not an internet
    /// address.
    pub fn listen(
        &mut self,
        address: impl Into<Address>,
        options: ListenOptions,
    ) -> Result<Token, Failure> {
        let flags = ListenFlags {
            no_delay: options.no_delay,
            buffers: options.buffers,
            reuse_port: options.reuse_port,
            ipv6_only: options.ipv6_only,
        };
        let failure = |(call, errno)| Failure { call, errno };
        let socket = self
            .kernel
            .listen(&address.into(), options.backlog, flags)
            .map_err(failure)?;
        let is_one = |bound: &Address| !bound.is_any_host();
        let bound = self.kernel.local_address(&socket).ok().filter(is_one);
        let listener = Listener::new(socket, options, bound);
        let Some(token) = self.slots.insert(Occupant::Listener(Box::new(listener))) else {
            return Err(failure((Call::Listen, Errno::ENOMEM)));
        };
        if let Some(socket) = self.slots.get(token).and_then(Occupant::socket) {
            if let Err(errno) = self.kernel.register(socket, token, Interest::Listener) {
                self.close_listener(token);
                return Err(failure((Call::Register, errno)));
            }
        }
        Ok(token)
    }

    /// Allows the listener to accept `more` connections.
    pub fn grant(&mut self, listener: Token, more: u32) {
        if let Some(listener) = self.listener_mut(listener) {
            listener.options.credit = listener.options.credit.saturating_add(more);
        }
        self.list(listener);
    }

    /// Replaces the addresses whose connections the listener closes at once. Connections that are open stay open.
    pub fn block(&mut self, listener: Token, addresses: AddressSet) {
        if let Some(listener) = self.listener_mut(listener) {
            listener.options.admission.block = addresses;
        }
    }

    /// Stops listening. Accepted connections stay open. The kernel resets the connections in the backlog.
    pub fn close_listener(&mut self, token: Token) {
        if self.listener_mut(token).is_some() {
            self.wheel.remove(token.index);
            if let Some(Occupant::Listener(listener)) = self.slots.remove(token) {
                self.kernel.close(listener.socket);
                self.release_waiting(listener.room);
            }
        }
    }

    /// Starts to connect. [`Event::Connected`](super::Event::Connected) or [`Event::Closed`](super::Event::Closed) follows. Writes
    /// are queued until then.
    ///
    /// # Errors
    /// The immediate errors, EMFILE and ENETUNREACH among them: as [`Call::Connect`], even if socket(2) or setsockopt(2) failed,
    /// or as [`Call::Register`]. EAFNOSUPPORT if the address is not an internet address.
    pub fn connect(
        &mut self,
        address: impl Into<Address>,
        options: ConnectOptions,
    ) -> Result<Token, Failure> {
        let address = address.into();
        let failure = |call| move |errno| Failure { call, errno };
        let flags = ConnectFlags {
            no_delay: options.no_delay,
            buffers: options.buffers,
        };
        let socket = self
            .kernel
            .connect(&address, flags)
            .map_err(failure(Call::Connect))?;
        // The socket is registered after the call, because an unconnected socket would report a hang-up at once.
        let limits = Rc::new(options.limits);
        let session = |protocol| Wire::new(&protocol, Role::Client);
        let wire = options.protocol.map(session);
        let connection = Connection::new(Writing::Connecting, address, None, wire, limits);
        let token = self
            .admit_socket(socket, connection)
            .map_err(failure(Call::Register))?;
        let at = self.after(options.timeout);
        self.set_timer(token, Timer::Connect, at);
        self.start_layers(token, &options.layers);
        self.start_session(token);
        self.settle(token);
        Ok(token)
    }
}
