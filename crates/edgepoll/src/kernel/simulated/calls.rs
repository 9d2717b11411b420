//! The system calls of the simulated kernel, each with the ways in which Linux lets it fail.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Duration;

use super::socket::{Listener, Outcome, Place, SimulatedSocket, PEER_ADDRESS};
use super::state::SimulatedKernel;
use super::stream::{Phase, Stream};
use crate::kernel::calls::{Buffers, ConnectFlags, Interest, Kernel, ListenFlags};
use crate::kernel::descriptor::memory::Space;
use crate::kernel::token_bits::TokenBits;
use crate::{Address, Call, Errno, Ready, Token};

impl Kernel for SimulatedKernel {
    type Socket = SimulatedSocket;

    fn token_bits(&self) -> TokenBits {
        self.token_bits
    }

    fn wait(
        &mut self,
        timeout: Option<Duration>,
        each: &mut dyn FnMut(Token, Ready),
    ) -> Result<(), Errno> {
        self.calls += 1;
        self.now += 1_000;
        self.end_connects();
        let alarm_is_due = self.alarm.is_some_and(|at| at <= self.now);
        if !self.has_pending() && !alarm_is_due {
            self.sleep(timeout);
            self.end_connects();
        }
        self.woken = false;
        if self.alarm.is_some_and(|at| at <= self.now) {
            self.alarm = None;
        }
        let mut events = self.collect();
        self.invent(&mut events);
        for (token, ready) in events {
            each(self.token_bits.unpack(self.token_bits.pack(token)), ready);
        }
        Ok(())
    }

    fn wake(&mut self) -> Result<(), Errno> {
        self.woken = true;
        Ok(())
    }

    fn set_alarm(&mut self, deadline: u64) -> Result<(), Errno> {
        self.alarms_set += 1;
        if let Some(errno) = self.refused_alarms {
            return Err(errno);
        }
        self.alarm = Some(deadline);
        Ok(())
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn register(
        &mut self,
        socket: &SimulatedSocket,
        token: Token,
        interest: Interest,
    ) -> Result<(), Errno> {
        self.calls += 1;
        if self.random.chance(self.faults.register) {
            return Err(self.random.pick(&[Errno::ENOSPC, Errno::ENOMEM]));
        }
        let fresh = match socket.0 {
            Place::Listener(at) => {
                let listener = &mut self.listeners[at];
                let fresh = listener.open && !listener.registered;
                listener.registered = true;
                listener.token = Some(token);
                listener.pending = !listener.backlog.is_empty();
                fresh
            }
            Place::Stream(at) => {
                let stream = &mut self.streams[at];
                let fresh = stream.open && !stream.registered;
                stream.registered = true;
                stream.watches_writable = interest == Interest::Connecting;
                stream.token = Some(token);
                stream.pending = stream.ready() != Ready::empty();
                fresh
            }
        };
        if !fresh {
            self.complain("register", socket.0);
        }
        Ok(())
    }

    fn watch_writable(&mut self, socket: &SimulatedSocket, token: Token) -> Result<(), Errno> {
        let at = self.stream(socket, "watch_writable")?;
        if self.random.chance(self.faults.register) {
            return Err(Errno::ENOMEM);
        }
        let stream = &mut self.streams[at];
        if !stream.registered || stream.token != Some(token) {
            self.complain("watch_writable", socket.0);
            return Err(Errno::ENOENT);
        }
        stream.watches_writable = true;
        stream.pending |= stream.ready() != Ready::empty();
        Ok(())
    }

    fn close(&mut self, socket: SimulatedSocket) {
        self.calls += 1;
        match socket.0 {
            Place::Stream(at) if self.streams[at].open => {
                if self.streams[at].resets_on_close {
                    // A reset discards what the kernel has not sent.
                    let left = self.random.below(self.streams[at].output.len() + 1);
                    self.streams[at].output.truncate(left);
                }
                self.streams[at].close();
            }
            Place::Listener(at) if self.listeners[at].open => {
                let listener = &mut self.listeners[at];
                listener.open = false;
                listener.registered = false;
                listener.pending = false;
                for peer in listener.backlog.drain(..) {
                    self.streams[peer.0].peer_was_reset = true;
                    self.streams[peer.0].phase = Phase::Dead;
                }
            }
            place => self.complain("close", place),
        }
    }

    fn reset_on_close(&mut self, socket: &SimulatedSocket) -> Result<(), Errno> {
        let at = self.stream(socket, "setsockopt")?;
        self.streams[at].resets_on_close = true;
        Ok(())
    }

    fn listen(
        &mut self,
        address: &Address,
        _backlog: i32,
        flags: ListenFlags,
    ) -> Result<SimulatedSocket, (Call, Errno)> {
        self.calls += 1;
        let taken = |listener: &Listener| listener.open && listener.address == *address;
        if self.listeners.iter().any(taken) {
            return Err((Call::Bind, Errno::EADDRINUSE));
        }
        let place = Place::Listener(self.listeners.len());
        self.listeners.push(Listener {
            address: address.clone(),
            token: None,
            open: true,
            registered: false,
            pending: false,
            backlog: VecDeque::new(),
            buffers: flags.buffers,
        });
        Ok(SimulatedSocket(place))
    }

    fn accept(&mut self, listener: &SimulatedSocket) -> Result<(SimulatedSocket, Address), Errno> {
        self.calls += 1;
        let at = match listener.0 {
            Place::Listener(at) if self.listeners[at].open => at,
            place => {
                self.complain("accept", place);
                return Err(Errno::EBADF);
            }
        };
        if self.listeners[at].backlog.is_empty() {
            return Err(Errno::EAGAIN);
        }
        if self.shortage.1 == 0 && self.random.chance(self.faults.shortage) {
            let errno =
                self.random
                    .pick(&[Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM]);
            self.shortage = (errno, 1 + self.random.bits() as u32 % 4);
        }
        if self.shortage.1 > 0 {
            self.shortage.1 -= 1;
            return Err(self.shortage.0);
        }
        if self.random.chance(self.faults.interrupted) {
            return Err(Errno::EINTR);
        }
        if self.random.chance(self.faults.again) {
            // The client connects right after the call, so an event follows.
            self.listeners[at].pending = true;
            return Err(Errno::EAGAIN);
        }
        let Some(peer) = self.listeners[at].backlog.pop_front() else {
            return Err(Errno::EAGAIN);
        };
        let buffers = self.listeners[at].buffers;
        let stream = &mut self.streams[peer.0];
        if self.random.chance(self.faults.aborted) {
            stream.phase = Phase::Dead;
            stream.peer_was_reset = true;
            return Err(self.random.pick(&[
                Errno::ECONNABORTED,
                Errno::EPROTO,
                Errno::EPERM,
                Errno::ENETDOWN,
            ]));
        }
        stream.open = true;
        stream.set_buffers(buffers);
        Ok((
            SimulatedSocket(Place::Stream(peer.0)),
            stream.remote.clone(),
        ))
    }

    fn connect(
        &mut self,
        address: &Address,
        flags: ConnectFlags,
    ) -> Result<SimulatedSocket, Errno> {
        self.calls += 1;
        let (outcome, after) = self
            .planned
            .pop_front()
            .unwrap_or((Outcome::Established, 0));
        if let Outcome::AtOnce(errno) = outcome {
            return Err(errno);
        }
        let local = if outcome == Outcome::Itself {
            address.clone()
        } else {
            PEER_ADDRESS
        };
        let mut stream = Stream::new(Phase::Connecting, local, address.clone());
        stream.open = true;
        stream.capacity = self.capacity;
        stream.set_buffers(flags.buffers);
        let at = self.streams.len();
        self.streams.push(stream);
        if outcome != Outcome::Never {
            self.connects.push((self.now + after, at, outcome));
        }
        Ok(SimulatedSocket(Place::Stream(at)))
    }

    fn connected(&mut self, socket: &SimulatedSocket) -> Result<Address, Errno> {
        let at = self.stream(socket, "getsockopt")?;
        let stream = &mut self.streams[at];
        if let Some(errno) = stream.error.take() {
            return Err(errno);
        }
        match stream.phase {
            Phase::Connecting => return Err(Errno::EINPROGRESS),
            Phase::Dead => return Err(Errno::ENOTCONN),
            Phase::Established => {}
        }
        if stream.local == stream.remote {
            return Err(Errno::ECONNREFUSED);
        }
        Ok(stream.remote.clone())
    }

    fn receive(&mut self, socket: &SimulatedSocket, space: Space<'_>) -> Result<usize, Errno> {
        let at = self.stream(socket, "recv")?;
        if space.is_empty() {
            self.complain("recv into nothing", socket.0);
        }
        let stream = &mut self.streams[at];
        if self.random.chance(self.faults.interrupted) {
            return Err(Errno::EINTR);
        }
        let waits = !stream.input.is_empty();
        // The input arrives right after the call, so an event follows. After a reset nothing arrives.
        if stream.phase == Phase::Established && self.random.chance(self.faults.again) {
            if waits || stream.input_ended {
                stream.edge();
            }
            return Err(Errno::EAGAIN);
        }
        if waits && self.random.chance(self.faults.short) {
            let length = 1 + self.random.below(space.len().min(stream.input.len()));
            if length < stream.input.len() {
                stream.edge();
            }
            return stream.receive(space.first(length));
        }
        stream.receive(space)
    }

    fn has_input(&mut self, socket: &SimulatedSocket) -> Result<bool, Errno> {
        let at = self.stream(socket, "recv")?;
        self.streams[at].peek()
    }

    fn send(&mut self, socket: &SimulatedSocket, bytes: &[u8]) -> Result<usize, Errno> {
        let at = self.stream(socket, "send")?;
        let stream = &mut self.streams[at];
        if bytes.is_empty() {
            self.complain("send of nothing", socket.0);
            return Ok(0);
        }
        if stream.phase == Phase::Connecting || stream.output_ended {
            self.complain("send before the connect or after the FIN", socket.0);
        }
        let stream = &mut self.streams[at];
        if let Some((errno, kills)) = self.refused_sends.pop_front() {
            if kills {
                stream.reset(errno);
                stream.error = None;
            }
            return Err(errno);
        }
        if self.random.chance(self.faults.interrupted) {
            return Err(Errno::EINTR);
        }
        if self.random.chance(self.faults.no_buffers) {
            return Err(self.random.pick(&[Errno::ENOBUFS, Errno::ENOMEM]));
        }
        if self.random.chance(self.faults.again) {
            // Room comes right after the call, or when the peer reads.
            stream.blocked = true;
            stream.drained();
            return Err(Errno::EAGAIN);
        }
        if self.random.chance(self.faults.short) {
            return stream.send(&bytes[..1 + self.random.below(bytes.len())]);
        }
        stream.send(bytes)
    }

    fn send_vectored(
        &mut self,
        socket: &SimulatedSocket,
        buffers: &[IoSlice<'_>],
    ) -> Result<usize, Errno> {
        let mut bytes = Vec::new();
        for buffer in buffers {
            bytes.extend_from_slice(buffer);
        }
        self.send(socket, &bytes)
    }

    fn shutdown(&mut self, socket: &SimulatedSocket) -> Result<(), Errno> {
        let at = self.stream(socket, "shutdown")?;
        if let Some(errno) = self.refused_shutdown.take() {
            return Err(errno);
        }
        let stream = &mut self.streams[at];
        if stream.phase != Phase::Established {
            return Err(Errno::ENOTCONN);
        }
        if stream.output_ended {
            self.complain("second shutdown", socket.0);
            return Ok(());
        }
        stream.output_ended = true;
        if stream.input_ended {
            stream.edge();
        }
        Ok(())
    }

    fn take_error(&mut self, socket: &SimulatedSocket) -> Option<Errno> {
        match self.stream(socket, "getsockopt") {
            Ok(at) => self.streams[at].error.take(),
            Err(errno) => Some(errno),
        }
    }

    fn local_address(&self, socket: &SimulatedSocket) -> Result<Address, Errno> {
        Ok(match socket.0 {
            Place::Listener(at) => self.listeners[at].address.clone(),
            Place::Stream(at) => self.streams[at].local.clone(),
        })
    }

    fn buffers(&self, socket: &SimulatedSocket) -> Result<Buffers, Errno> {
        Ok(match socket.0 {
            Place::Listener(at) => self.listeners[at].buffers,
            Place::Stream(at) => self.streams[at].buffers,
        })
    }
}
