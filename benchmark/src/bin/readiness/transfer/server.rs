//! The receiving side, by poll, level-triggered or edge-triggered epoll. What is read and answered is the same in all three.
//! The sender says how much is coming.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{listen, Backlog};

use super::LENGTH;
use crate::Engine;

const BUFFER: usize = 64 * 1024;
const EVENTS: usize = 1024;

/// What a connection has received of the current transfer.
#[derive(Default)]
struct Progress {
    header: [u8; LENGTH],
    header_length: usize,
    received: u64,
}

impl Progress {
    /// Takes `data`. Returns the length of the transfer when that completes it.
    fn take(&mut self, data: &[u8]) -> Option<u64> {
        let missing = (LENGTH - self.header_length).min(data.len());
        self.header[self.header_length..self.header_length + missing]
            .copy_from_slice(&data[..missing]);
        self.header_length += missing;
        self.received += (data.len() - missing) as u64;
        let length = u64::from_le_bytes(self.header);
        if self.header_length < LENGTH || self.received < length {
            return None;
        }
        *self = Self::default();
        Some(length)
    }
}

enum After {
    Goes,
    Ended,
}

struct Connections {
    streams: Vec<TcpStream>,
}

/// Receives once, or with `drain` until nothing is left.
fn receive(
    mut stream: &TcpStream,
    progress: &mut Progress,
    buffer: &mut [u8],
    drain: bool,
) -> io::Result<After> {
    loop {
        let length = match stream.read(buffer) {
            Ok(0) => return Ok(After::Ended),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(After::Goes),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(After::Ended),
            Err(error) => return Err(error),
        };
        if let Some(total) = progress.take(&buffer[..length]) {
            stream.write_all(&total.to_le_bytes())?;
        }
        if !drain || length < buffer.len() {
            return Ok(After::Goes);
        }
    }
}

impl Connections {
    fn accept(listener: &TcpListener, count: u32) -> io::Result<Self> {
        let accept = || -> io::Result<TcpStream> {
            let (stream, _) = listener.accept()?;
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let streams = (0..count).map(|_| accept()).collect::<io::Result<_>>()?;
        Ok(Self { streams })
    }

    fn by_poll(&self) -> Result<(), Box<dyn Error>> {
        let mut progress: Vec<Progress> =
            self.streams.iter().map(|_| Progress::default()).collect();
        let mut buffer = vec![0; BUFFER];
        let mut all: Vec<PollFd> = self
            .streams
            .iter()
            .map(|stream| PollFd::new(stream.as_fd(), PollFlags::POLLIN))
            .collect();
        loop {
            let mut left = poll(&mut all, PollTimeout::NONE)?;
            for (index, entry) in all.iter().enumerate() {
                if entry.any() != Some(true) {
                    continue;
                }
                let stream = &self.streams[index];
                if let After::Ended = receive(stream, &mut progress[index], &mut buffer, false)? {
                    return Ok(());
                }
                left -= 1;
                if left == 0 {
                    break;
                }
            }
        }
    }

    fn by_epoll(&self, edge: bool) -> Result<(), Box<dyn Error>> {
        let mut progress: Vec<Progress> =
            self.streams.iter().map(|_| Progress::default()).collect();
        let mut buffer = vec![0; BUFFER];
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let trigger = if edge {
            EpollFlags::EPOLLET
        } else {
            EpollFlags::empty()
        };
        for (index, stream) in self.streams.iter().enumerate() {
            let interest = EpollFlags::EPOLLIN.union(trigger);
            epoll.add(stream, EpollEvent::new(interest, u64::try_from(index)?))?;
        }
        let mut events = vec![EpollEvent::empty(); EVENTS];
        loop {
            let count = epoll.wait(&mut events, EpollTimeout::NONE)?;
            for event in &events[..count] {
                let index = usize::try_from(event.data())?;
                let stream = &self.streams[index];
                if let After::Ended = receive(stream, &mut progress[index], &mut buffer, edge)? {
                    return Ok(());
                }
            }
        }
    }
}

pub(crate) fn serve(engine: Engine, connections: u32) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // Once more, with the longest backlog that the kernel allows.
    listen(&listener, Backlog::MAXCONN)?;
    let address = listener.local_addr()?;
    let pid = std::process::id();
    writeln!(io::stdout(), "listening on {address} pid {pid}")?;
    let connections = Connections::accept(&listener, connections)?;
    match engine {
        Engine::Select => Err("select cannot watch as many connections".into()),
        Engine::Poll => connections.by_poll(),
        Engine::EpollLevel => connections.by_epoll(false),
        Engine::EpollEdge => connections.by_epoll(true),
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;

    #[test]
    fn transfers_cut_anywhere_are_counted() {
        let mut stream = 3_u64.to_le_bytes().to_vec();
        stream.extend_from_slice(b"abc");
        for cut in 1..stream.len() {
            let mut progress = Progress::default();
            assert_eq!(progress.take(&stream[..cut]), None);
            assert_eq!(progress.take(&stream[cut..]), Some(3));
            assert_eq!(progress.take(&stream), Some(3));
        }
    }
}
