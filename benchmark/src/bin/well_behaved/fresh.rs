//! Fresh connections: one begins at a fixed rate, sends a line, gets the reply and closes.

use std::collections::VecDeque;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use edgepoll_benchmark::loopback;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::socket::{recv, send, MsgFlags};

use crate::samples::Samples;
use crate::steady::{line, LINE};

/// Added to the number of an attempt, to tell its events from those of the clients that stay.
pub(crate) const FIRST: u64 = 1 << 32;

struct Attempt {
    number: u64,
    due: Instant,
    /// `None` when the attempt is over.
    socket: Option<OwnedFd>,
    sent: bool,
    received: Vec<u8>,
}

pub(crate) struct Fresh {
    address: SocketAddr,
    patience: Duration,
    /// In order of their numbers, without gaps.
    attempts: VecDeque<Attempt>,
    next: u64,
}

impl Fresh {
    pub(crate) fn new(address: SocketAddr, patience: Duration) -> Self {
        Self {
            address,
            patience,
            attempts: VecDeque::new(),
            next: 0,
        }
    }

    /// An attempt is due.
    pub(crate) fn due(
        &mut self,
        due: Instant,
        epoll: &Epoll,
        samples: &mut Samples,
    ) -> Result<(), Box<dyn Error>> {
        let number = self.next;
        self.next += 1;
        let [.., last] = (number % 250).to_be_bytes();
        let socket =
            match loopback::begin_connect(self.address, Ipv4Addr::new(127, 0, 2, last + 1), None) {
                Ok(socket) => {
                    let flags = EpollFlags::EPOLLIN
                        .union(EpollFlags::EPOLLOUT)
                        .union(EpollFlags::EPOLLET);
                    epoll.add(&socket, EpollEvent::new(flags, FIRST + number))?;
                    Some(socket)
                }
                Err(error @ (Errno::ECONNREFUSED | Errno::ECONNRESET)) => {
                    samples.fresh_failed(due, self.patience, error.desc());
                    None
                }
                Err(error) => return Err(error.into()),
            };
        self.attempts.push_back(Attempt {
            number,
            due,
            socket,
            sent: false,
            received: Vec::new(),
        });
        Ok(())
    }

    /// Gives up those whose time is over, and forgets those that are done.
    pub(crate) fn expire(&mut self, now: Instant, samples: &mut Samples) {
        while let Some(first) = self.attempts.front_mut() {
            if first.socket.is_some() {
                if now.saturating_duration_since(first.due) < self.patience {
                    return;
                }
                samples.fresh_failed(first.due, self.patience, "no reply in time");
            }
            self.attempts.pop_front();
        }
    }

    pub(crate) fn on_event(
        &mut self,
        token: u64,
        buffer: &mut [u8],
        samples: &mut Samples,
    ) -> Result<(), Box<dyn Error>> {
        let number = token - FIRST;
        let Some(first) = self.attempts.front() else {
            return Ok(());
        };
        let Some(index) = number.checked_sub(first.number) else {
            return Ok(());
        };
        let attempt = self
            .attempts
            .get_mut(usize::try_from(index)?)
            .ok_or("an event of no attempt")?;
        match attempt.proceed(buffer) {
            Ok(false) => {}
            Ok(true) => {
                if attempt.received != line(9999, number) {
                    return Err("a fresh connection has got another reply than its own".into());
                }
                samples.fresh(attempt.due, Instant::now());
                attempt.socket = None;
            }
            Err(reason) => {
                samples.fresh_failed(attempt.due, self.patience, reason);
                attempt.socket = None;
            }
        }
        Ok(())
    }

    /// Counts the attempts that are under way at the end and should have been answered.
    pub(crate) fn finish(&mut self, now: Instant, samples: &mut Samples) {
        self.expire(now, samples);
        for attempt in &self.attempts {
            if attempt.socket.is_some() {
                samples.fresh_unanswered(attempt.due, now);
            }
        }
    }
}

impl Attempt {
    /// Returns whether the reply is there, or why the attempt has failed.
    fn proceed(&mut self, buffer: &mut [u8]) -> Result<bool, &'static str> {
        let Some(socket) = &self.socket else {
            return Ok(false);
        };
        let descriptor = socket.as_raw_fd();
        if !self.sent {
            match send(descriptor, &line(9999, self.number), MsgFlags::MSG_NOSIGNAL) {
                Ok(LINE) => self.sent = true,
                Ok(_) => return Err("a line was taken in part"),
                Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOTCONN) => return Ok(false),
                Err(error) => return Err(error.desc()),
            }
        }
        match recv(descriptor, buffer, MsgFlags::empty()) {
            Ok(0) => Err("closed by the server"),
            Ok(length) => {
                self.received.extend_from_slice(&buffer[..length]);
                Ok(self.received.len() >= LINE)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(error) => Err(error.desc()),
        }
    }
}
