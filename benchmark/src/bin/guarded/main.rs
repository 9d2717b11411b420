//! The yardstick of the attack benchmark: a line server on plain epoll, with one thread and without JavaScript, that has the same
//! limits as edgepoll. Connections take turns: those that were quiet come first, and each has one receive of 16 KiB a turn.

mod admission;
mod connection;
mod options;

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use clap::Parser;
use edgepoll_benchmark::raise_open_file_limit;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{getrlimit, Resource};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{
    bind, getsockname, listen, setsockopt, socket, sockopt, AddressFamily, Backlog, SockFlag,
    SockType, SockaddrStorage,
};
use rustix::net::{acceptfrom_with, SocketFlags};
use serde::Serialize;

use admission::{Admission, Refusal};
use connection::{After, Connection, Reason};
use options::Options;

/// Bytes that one connection may receive in a turn.
const SHARE: usize = 16 * 1024;
/// Connections that are accepted in a turn.
const ACCEPTS: usize = 256;
/// A turn serves connections that have had their share for so long.
const BUDGET: Duration = Duration::from_millis(2);
/// How often deadlines are looked at.
const SWEEP: Duration = Duration::from_millis(250);
const LISTENER: u64 = u64::MAX;
const SIGNALS: u64 = u64::MAX - 1;

#[derive(Default, Serialize)]
struct Counters {
    accepted: u64,
    open: u64,
    over_address_limit: u64,
    over_accept_rate: u64,
    /// The server had as many connections as it may have, or no descriptor: accepting waited.
    accept_pauses: u64,
    ended: u64,
    failed: u64,
    line_too_long: u64,
    first_byte_timeouts: u64,
    idle_timeouts: u64,
    message_timeouts: u64,
    send_timeouts: u64,
}

struct Server {
    options: Options,
    most: usize,
    listener: OwnedFd,
    epoll: Epoll,
    admission: Admission,
    /// By descriptor.
    connections: Vec<Option<Connection>>,
    /// Connections that were quiet and have something now.
    fresh: VecDeque<usize>,
    /// Connections that have had their share and have more.
    busy: VecDeque<usize>,
    may_accept: bool,
    buffer: Vec<u8>,
    counters: Counters,
}

fn interest() -> EpollFlags {
    EpollFlags::EPOLLIN
        .union(EpollFlags::EPOLLOUT)
        .union(EpollFlags::EPOLLRDHUP)
        .union(EpollFlags::EPOLLET)
}

fn open_listener(options: &Options) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK.union(SockFlag::SOCK_CLOEXEC);
    let listener = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    // Accepted sockets inherit these.
    setsockopt(&listener, sockopt::TcpNoDelay, &true)?;
    setsockopt(&listener, sockopt::RcvBuf, &options.kernel_buffer)?;
    setsockopt(&listener, sockopt::SndBuf, &options.kernel_buffer)?;
    bind(
        listener.as_raw_fd(),
        &SockaddrStorage::from(options.address),
    )?;
    listen(&listener, Backlog::MAXCONN)?;
    Ok(listener)
}

impl Server {
    fn new(options: Options) -> Result<Self, Box<dyn Error>> {
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
        let most = options
            .max_connections
            .unwrap_or(usize::try_from(soft)? / 5 * 4);
        let listener = open_listener(&options)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(
            &listener,
            EpollEvent::new(EpollFlags::EPOLLIN.union(EpollFlags::EPOLLET), LISTENER),
        )?;
        Ok(Self {
            admission: Admission::new(&options, most),
            options,
            most,
            listener,
            epoll,
            connections: Vec::new(),
            fresh: VecDeque::new(),
            busy: VecDeque::new(),
            may_accept: true,
            buffer: vec![0; SHARE],
            counters: Counters::default(),
        })
    }

    fn run(&mut self) -> Result<(), Box<dyn Error>> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGUSR2);
        signals.thread_block()?;
        let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC)?;
        self.epoll
            .add(&signals, EpollEvent::new(EpollFlags::EPOLLIN, SIGNALS))?;
        let mut events = vec![EpollEvent::empty(); 1024];
        let mut swept = Instant::now();
        loop {
            let at_once = self.may_accept || !self.busy.is_empty();
            let wait = if at_once { Duration::ZERO } else { SWEEP };
            let count = match self.epoll.wait(&mut events, EpollTimeout::try_from(wait)?) {
                Ok(count) => count,
                Err(Errno::EINTR) => 0,
                Err(error) => return Err(error.into()),
            };
            for event in &events[..count] {
                match event.data() {
                    SIGNALS => {
                        let _ = signals.read_signal()?;
                        let counters = serde_json::to_string(&self.counters)?;
                        writeln!(io::stdout(), "stats {counters}")?;
                    }
                    LISTENER => self.may_accept = true,
                    index => self.note(usize::try_from(index)?, event.events()),
                }
            }
            let now = Instant::now();
            self.accept(now)?;
            for _ in 0..self.fresh.len() {
                if let Some(index) = self.fresh.pop_front() {
                    self.serve(index, now);
                }
            }
            for _ in 0..self.busy.len() {
                if now.elapsed() > BUDGET {
                    break;
                }
                if let Some(index) = self.busy.pop_front() {
                    self.serve(index, now);
                }
            }
            if now.saturating_duration_since(swept) >= SWEEP {
                swept = now;
                self.sweep(now);
            }
        }
    }

    fn note(&mut self, index: usize, flags: EpollFlags) {
        let Some(Some(connection)) = self.connections.get_mut(index) else {
            return;
        };
        if flags.intersects(
            EpollFlags::EPOLLRDHUP
                .union(EpollFlags::EPOLLHUP)
                .union(EpollFlags::EPOLLERR),
        ) {
            connection.ending = true;
        }
        if !connection.queued {
            connection.queued = true;
            self.fresh.push_back(index);
        }
    }

    fn accept(&mut self, now: Instant) -> Result<(), Box<dyn Error>> {
        if !self.may_accept {
            return Ok(());
        }
        for _ in 0..ACCEPTS {
            if usize::try_from(self.counters.open)? >= self.most {
                self.counters.accept_pauses += 1;
                self.may_accept = false;
                return Ok(());
            }
            let accepted =
                acceptfrom_with(&self.listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC);
            let (socket, address) = match accepted {
                Ok(accepted) => accepted,
                Err(rustix::io::Errno::AGAIN) => {
                    self.may_accept = false;
                    return Ok(());
                }
                Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => continue,
                Err(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => {
                    self.counters.accept_pauses += 1;
                    self.may_accept = false;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            let address = address
                .and_then(|address| SocketAddr::try_from(address).ok())
                .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
            match self.admission.admit(address, now) {
                Ok(()) => {}
                Err(Refusal::PerAddress) => {
                    self.counters.over_address_limit += 1;
                    continue;
                }
                Err(Refusal::Rate) => {
                    self.counters.over_accept_rate += 1;
                    continue;
                }
            }
            let index = usize::try_from(socket.as_raw_fd())?;
            self.epoll
                .add(&socket, EpollEvent::new(interest(), u64::try_from(index)?))?;
            if index >= self.connections.len() {
                self.connections.resize_with(index + 1, || None);
            }
            self.connections[index] = Some(Connection::new(socket, address, now));
            self.counters.accepted += 1;
            self.counters.open += 1;
        }
        Ok(())
    }

    fn serve(&mut self, index: usize, now: Instant) {
        let Some(Some(connection)) = self.connections.get_mut(index) else {
            return;
        };
        match connection.serve(&mut self.buffer, self.options.max_frame, now) {
            After::Wait => connection.queued = false,
            After::More => self.busy.push_back(index),
            After::Close(reason) => self.close(index, reason),
        }
    }

    fn sweep(&mut self, now: Instant) {
        for index in 0..self.connections.len() {
            let Some(connection) = &self.connections[index] else {
                continue;
            };
            // What waits in the kernel is received first.
            if let (false, Some(reason)) = (connection.queued, connection.late(&self.options, now))
            {
                self.close(index, reason);
            }
        }
        self.admission.tidy(now);
        self.may_accept = true;
    }

    fn close(&mut self, index: usize, reason: Reason) {
        let Some(connection) = self.connections[index].take() else {
            return;
        };
        self.admission.closed(connection.address);
        let counters = &mut self.counters;
        counters.open -= 1;
        let counter = match reason {
            Reason::Ended => &mut counters.ended,
            Reason::Failed => &mut counters.failed,
            Reason::LineTooLong => &mut counters.line_too_long,
            Reason::FirstByteTimeout => &mut counters.first_byte_timeouts,
            Reason::IdleTimeout => &mut counters.idle_timeouts,
            Reason::MessageTimeout => &mut counters.message_timeouts,
            Reason::SendTimeout => &mut counters.send_timeouts,
        };
        *counter += 1;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    raise_open_file_limit()?;
    let mut server = Server::new(Options::parse())?;
    let address: SockaddrStorage = getsockname(server.listener.as_raw_fd())?;
    writeln!(
        io::stdout(),
        "listening on {address} pid {}",
        std::process::id()
    )?;
    server.run()
}
