//! A client that stays connected and sends a line at a fixed rate, whether or not the last one was answered.

use std::collections::VecDeque;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

use edgepoll_benchmark::loopback;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::socket::{recv, send, setsockopt, sockopt, MsgFlags};

use crate::samples::Samples;

/// Bytes of a line, with its LF.
pub(crate) const LINE: usize = 32;

/// The line of a request. Each is different, so that a reply to another one is noticed.
pub(crate) fn line(client: u32, number: u64) -> [u8; LINE] {
    let mut bytes = [b'.'; LINE];
    let text = format!("{client:04} {number:012} ");
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes[LINE - 1] = b'\n';
    bytes
}

pub(crate) struct Steady {
    index: u32,
    address: SocketAddr,
    socket: Option<OwnedFd>,
    number: u64,
    /// Number and due time of lines that are not answered.
    waiting: VecDeque<(u64, Instant)>,
    /// Bytes that the kernel has not taken yet.
    unsent: Vec<u8>,
    received: Vec<u8>,
}

impl Steady {
    pub(crate) fn new(index: u32, address: SocketAddr) -> Self {
        Self {
            index,
            address,
            socket: None,
            number: 0,
            waiting: VecDeque::new(),
            unsent: Vec::new(),
            received: Vec::new(),
        }
    }

    fn connect(&mut self, epoll: &Epoll) -> Result<(), Box<dyn Error>> {
        let [.., last] = self.index.to_be_bytes();
        let socket =
            loopback::begin_connect(self.address, Ipv4Addr::new(127, 0, 1, last + 1), None)?;
        setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
        epoll.add(
            &socket,
            EpollEvent::new(EpollFlags::EPOLLIN, u64::from(self.index)),
        )?;
        self.socket = Some(socket);
        Ok(())
    }

    /// A line is due.
    pub(crate) fn due(
        &mut self,
        due: Instant,
        epoll: &Epoll,
        samples: &mut Samples,
    ) -> Result<(), Box<dyn Error>> {
        if self.socket.is_none() {
            self.connect(epoll)?;
        }
        self.unsent
            .extend_from_slice(&line(self.index, self.number));
        self.waiting.push_back((self.number, due));
        self.number += 1;
        self.flush(samples);
        Ok(())
    }

    fn flush(&mut self, samples: &mut Samples) {
        let Some(socket) = &self.socket else { return };
        if self.unsent.is_empty() {
            return;
        }
        match send(socket.as_raw_fd(), &self.unsent, MsgFlags::MSG_NOSIGNAL) {
            Ok(count) => drop(self.unsent.drain(..count)),
            // ENOTCONN, EAGAIN: the connection is about to open, or its buffer is full. The next line tries again.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOTCONN) => {}
            Err(error) => self.cut(error.desc(), samples),
        }
    }

    fn cut(&mut self, cause: &str, samples: &mut Samples) {
        samples.cut(Instant::now(), cause, self.waiting.len());
        self.socket = None;
        self.waiting.clear();
        self.unsent.clear();
        self.received.clear();
    }

    pub(crate) fn on_readable(
        &mut self,
        buffer: &mut [u8],
        samples: &mut Samples,
    ) -> Result<(), Box<dyn Error>> {
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        match recv(socket.as_raw_fd(), buffer, MsgFlags::empty()) {
            Ok(0) => self.cut("ended by the server", samples),
            Ok(length) => {
                self.received.extend_from_slice(&buffer[..length]);
                self.take_replies(samples)?;
                self.flush(samples);
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => self.cut(error.desc(), samples),
        }
        Ok(())
    }

    fn take_replies(&mut self, samples: &mut Samples) -> Result<(), Box<dyn Error>> {
        let now = Instant::now();
        let mut replies = self.received.chunks_exact(LINE);
        for reply in &mut replies {
            let (number, due) = self
                .waiting
                .pop_front()
                .ok_or("a reply to no request of a well-behaved client")?;
            if reply != line(self.index, number) {
                return Err("a well-behaved client has got another reply than its own".into());
            }
            samples.line(due, now);
        }
        let rest = replies.remainder().len();
        let taken = self.received.len() - rest;
        self.received.drain(..taken);
        Ok(())
    }

    /// Counts lines without a reply at the end.
    pub(crate) fn finish(&self, now: Instant, samples: &mut Samples) {
        for (_, due) in &self.waiting {
            samples.unanswered(*due, now);
        }
    }
}
