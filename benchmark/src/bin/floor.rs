//! The floor: a plain, fast and correct echo server on edge-triggered epoll, with one thread, no JavaScript and no features.
//! The costs of all other servers are given as ratios to its costs. Runs until it is killed.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use clap::Parser;
use edgepoll_benchmark::raise_open_file_limit;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{
    bind, getsockname, listen, recv, send, setsockopt, socket, sockopt, AddressFamily, Backlog,
    MsgFlags, SockFlag, SockType, SockaddrStorage,
};
use rustix::net::{accept_with, SocketFlags};

const EVENTS: usize = 1024;
const BUFFER: usize = 64 * 1024;
/// With one of these set, a short recv is not the end of input: no further edge announces the end that follows.
const ENDINGS: EpollFlags = EpollFlags::EPOLLRDHUP
    .union(EpollFlags::EPOLLHUP)
    .union(EpollFlags::EPOLLERR);

#[derive(Parser)]
#[command(about = "Plain epoll echo server, the yardstick of the benchmarks")]
struct Options {
    #[arg(long, default_value = "127.0.0.1:0")]
    address: SocketAddr,
}

struct Connection {
    socket: OwnedFd,
    /// Bytes that a short send left. Reading stops until they are sent, so they are at most one buffer.
    unsent: Vec<u8>,
    watches_writable: bool,
}

enum After {
    Keep,
    Close,
}

impl Connection {
    /// Sends `data` and keeps what the kernel does not take.
    fn echo(&mut self, epoll: &Epoll, data: &[u8]) -> nix::Result<()> {
        let sent = match send(self.socket.as_raw_fd(), data, MsgFlags::MSG_NOSIGNAL) {
            Ok(sent) => sent,
            Err(Errno::EAGAIN | Errno::EINTR) => 0,
            Err(error) => return Err(error),
        };
        if sent < data.len() {
            self.unsent.extend_from_slice(&data[sent..]);
            self.watch_writable(epoll)?;
        }
        Ok(())
    }

    /// Watches EPOLLOUT from the first short send on. Watched from the start, it would cost every new connection a
    /// wake-up; once watched, it costs nothing. The kernel checks readiness within the call, so room that appeared since
    /// the short send is not missed.
    fn watch_writable(&mut self, epoll: &Epoll) -> nix::Result<()> {
        if !self.watches_writable {
            self.watches_writable = true;
            let mut event = EpollEvent::new(
                interest().union(EpollFlags::EPOLLOUT),
                self.socket.as_raw_fd().unsigned_abs().into(),
            );
            epoll.modify(&self.socket, &mut event)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> nix::Result<()> {
        while !self.unsent.is_empty() {
            match send(
                self.socket.as_raw_fd(),
                &self.unsent,
                MsgFlags::MSG_NOSIGNAL,
            ) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn serve(&mut self, epoll: &Epoll, flags: EpollFlags, buffer: &mut [u8]) -> After {
        if !self.unsent.is_empty() && self.flush().is_err() {
            return After::Close;
        }
        while self.unsent.is_empty() {
            match recv(self.socket.as_raw_fd(), buffer, MsgFlags::empty()) {
                Ok(0) => return After::Close,
                Ok(length) => {
                    if self.echo(epoll, &buffer[..length]).is_err() {
                        return After::Close;
                    }
                    if length < buffer.len() && !flags.intersects(ENDINGS) {
                        break;
                    }
                }
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(_) => return After::Close,
            }
        }
        After::Keep
    }
}

fn interest() -> EpollFlags {
    EpollFlags::EPOLLIN
        .union(EpollFlags::EPOLLRDHUP)
        .union(EpollFlags::EPOLLET)
}

fn open_listener(address: SocketAddr) -> nix::Result<OwnedFd> {
    let family = if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    let flags = SockFlag::SOCK_NONBLOCK.union(SockFlag::SOCK_CLOEXEC);
    let listener = socket(family, SockType::Stream, flags, None)?;
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    // Accepted sockets inherit it, which saves a call per connection.
    setsockopt(&listener, sockopt::TcpNoDelay, &true)?;
    bind(listener.as_raw_fd(), &SockaddrStorage::from(address))?;
    listen(&listener, Backlog::MAXCONN)?;
    Ok(listener)
}

/// Takes every waiting connection. The listener is level-triggered, so nothing is lost when this stops early.
fn accept_all(
    listener: &OwnedFd,
    epoll: &Epoll,
    connections: &mut Vec<Option<Connection>>,
) -> Result<(), Box<dyn Error>> {
    loop {
        let socket = match accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok(socket) => socket,
            Err(rustix::io::Errno::AGAIN) => return Ok(()),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => continue,
            // This includes EMFILE: the costs of a server that drops connections would mean nothing.
            Err(error) => return Err(error.into()),
        };
        let index = usize::try_from(socket.as_raw_fd())?;
        epoll.add(&socket, EpollEvent::new(interest(), u64::try_from(index)?))?;
        if index >= connections.len() {
            connections.resize_with(index + 1, || None);
        }
        connections[index] = Some(Connection {
            socket,
            unsent: Vec::new(),
            watches_writable: false,
        });
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    raise_open_file_limit()?;
    let listener = open_listener(options.address)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let listener_index = u64::try_from(listener.as_raw_fd())?;
    epoll.add(
        &listener,
        EpollEvent::new(EpollFlags::EPOLLIN, listener_index),
    )?;
    let address: SockaddrStorage = getsockname(listener.as_raw_fd())?;
    writeln!(
        io::stdout(),
        "listening on {address} pid {}",
        std::process::id()
    )?;

    let mut buffer = vec![0; BUFFER];
    let mut events = vec![EpollEvent::empty(); EVENTS];
    // Indexed by descriptor. A descriptor has at most one event in a batch and is closed only while that event is
    // served, so a number that is reused within a batch has no event of its former owner in it.
    let mut connections: Vec<Option<Connection>> = Vec::new();
    loop {
        let count = match epoll.wait(&mut events, EpollTimeout::NONE) {
            Ok(count) => count,
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        };
        for event in &events[..count] {
            if event.data() == listener_index {
                accept_all(&listener, &epoll, &mut connections)?;
                continue;
            }
            let index = usize::try_from(event.data())?;
            if let Some(connection) = connections[index].as_mut() {
                if let After::Close = connection.serve(&epoll, event.events(), &mut buffer) {
                    connections[index] = None;
                }
            }
        }
    }
}
