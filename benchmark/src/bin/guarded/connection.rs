//! One connection: receives lines, sends them back, within its share and its deadlines.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{recv, send, MsgFlags};

use crate::options::Options;

/// A message or bytes that wait have a second more for each so many bytes.
const RATE: u64 = 1024;

pub(crate) enum After {
    /// Nothing to do until the next event.
    Wait,
    /// More may be done at once.
    More,
    Close(Reason),
}

#[derive(Clone, Copy)]
pub(crate) enum Reason {
    Ended,
    Failed,
    LineTooLong,
    FirstByteTimeout,
    IdleTimeout,
    MessageTimeout,
    SendTimeout,
}

pub(crate) struct Connection {
    pub(crate) socket: OwnedFd,
    pub(crate) address: IpAddr,
    pub(crate) queued: bool,
    /// The peer's end or an error was announced: a short receive is not the last one.
    pub(crate) ending: bool,
    /// The part of a line that has come.
    part: Vec<u8>,
    /// Bytes that a short send has left. Nothing is received until they are sent.
    unsent: Vec<u8>,
    opened: Instant,
    moved: Option<Instant>,
    line_began: Option<Instant>,
    /// When bytes began to wait, and how many of them were sent since.
    waits: Option<(Instant, u64)>,
}

impl Connection {
    pub(crate) fn new(socket: OwnedFd, address: IpAddr, now: Instant) -> Self {
        Self {
            socket,
            address,
            queued: false,
            ending: false,
            part: Vec::new(),
            unsent: Vec::new(),
            opened: now,
            moved: None,
            line_began: None,
            waits: None,
        }
    }

    /// One share: sends what waits, receives once into `buffer`, and sends the lines in it.
    pub(crate) fn serve(&mut self, buffer: &mut [u8], max_frame: usize, now: Instant) -> After {
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            match self.send(&unsent, now) {
                Ok(sent) if sent < unsent.len() => {
                    self.unsent = unsent;
                    self.unsent.drain(..sent);
                    return After::Wait;
                }
                Ok(_) => self.waits = None,
                Err(_) => return After::Close(Reason::Failed),
            }
        }
        let length = match recv(self.socket.as_raw_fd(), buffer, MsgFlags::empty()) {
            Ok(0) => return After::Close(Reason::Ended),
            Ok(length) => length,
            Err(Errno::EAGAIN) => return After::Wait,
            Err(Errno::EINTR) => return After::More,
            Err(_) => return After::Close(Reason::Failed),
        };
        self.moved = Some(now);
        let received = &buffer[..length];
        let whole = memchr::memrchr(b'\n', received).map_or(0, |at| at + 1);
        if self.too_long(&received[..whole], received.len() - whole, max_frame) {
            return After::Close(Reason::LineTooLong);
        }
        if whole > 0 && self.echo(&received[..whole], now).is_err() {
            return After::Close(Reason::Failed);
        }
        if whole < length {
            if self.part.is_empty() {
                self.line_began = Some(now);
            }
            self.part.extend_from_slice(&received[whole..]);
        }
        if !self.unsent.is_empty() {
            After::Wait
        } else if length == buffer.len() || self.ending {
            After::More
        } else {
            After::Wait
        }
    }

    /// Whether a line of `whole`, or what begins after it with `rest` bytes, is longer than allowed.
    fn too_long(&self, whole: &[u8], rest: usize, max_frame: usize) -> bool {
        let mut begin = 0;
        let mut before = self.part.len();
        if before + whole.len() > max_frame {
            for end in memchr::memchr_iter(b'\n', whole) {
                if before + end - begin > max_frame {
                    return true;
                }
                before = 0;
                begin = end + 1;
            }
        }
        let before = if whole.is_empty() { self.part.len() } else { 0 };
        before + rest > max_frame
    }

    fn echo(&mut self, whole: &[u8], now: Instant) -> nix::Result<()> {
        let mut part = std::mem::take(&mut self.part);
        self.line_began = None;
        let lines = if part.is_empty() {
            whole
        } else {
            part.extend_from_slice(whole);
            &part
        };
        let sent = self.send(lines, now)?;
        if sent < lines.len() {
            self.unsent = lines[sent..].to_vec();
            self.waits = Some((now, 0));
        }
        Ok(())
    }

    fn send(&mut self, bytes: &[u8], now: Instant) -> nix::Result<usize> {
        match send(self.socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
            Ok(count) => {
                self.moved = Some(now);
                if let Some((_, sent)) = &mut self.waits {
                    *sent += count as u64;
                }
                Ok(count)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// The deadline that has passed.
    pub(crate) fn late(&self, options: &Options, now: Instant) -> Option<Reason> {
        let passed = |since: Instant, limit: u64, bytes: u64| {
            now.saturating_duration_since(since)
                > Duration::from_millis(limit) + Duration::from_millis(bytes * 1000 / RATE)
        };
        let Some(moved) = self.moved else {
            return passed(self.opened, options.first_byte_timeout, 0)
                .then_some(Reason::FirstByteTimeout);
        };
        if passed(moved, options.idle_timeout, 0) {
            return Some(Reason::IdleTimeout);
        }
        if let Some(since) = self.line_began {
            if passed(since, options.message_timeout, self.part.len() as u64) {
                return Some(Reason::MessageTimeout);
            }
        }
        let (since, sent) = self.waits?;
        passed(since, options.send_timeout, sent).then_some(Reason::SendTimeout)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use clap::Parser;

    use super::*;

    const MAX_FRAME: usize = 8;

    fn pair() -> (TcpStream, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let peer = TcpStream::connect(listener.local_addr().expect("its address")).expect("a peer");
        let (accepted, _) = listener.accept().expect("a connection");
        accepted.set_nonblocking(true).expect("non-blocking");
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let connection = Connection::new(accepted.into(), address, Instant::now());
        (peer, connection)
    }

    fn serve(connection: &mut Connection) -> After {
        connection.serve(&mut [0; 64], MAX_FRAME, Instant::now())
    }

    #[test]
    fn sends_whole_lines_back_and_keeps_the_part_of_one() {
        let (mut peer, mut connection) = pair();
        peer.write_all(b"one\ntw").expect("sent");
        assert!(matches!(serve(&mut connection), After::Wait));
        peer.write_all(b"o\n").expect("sent");
        assert!(matches!(serve(&mut connection), After::Wait));
        let mut replies = [0; 8];
        peer.read_exact(&mut replies).expect("replies");
        assert_eq!(&replies, b"one\ntwo\n");
    }

    #[test]
    fn a_line_may_have_as_many_bytes_as_allowed_and_no_more() {
        for (sent, closes) in [
            (&b"12345678\n"[..], false),
            (b"123456789\n", true),
            (b"12345678", false),
            (b"123456789", true),
            (b"1\n12345678\n12345678", false),
            (b"1\n123456789\n1", true),
        ] {
            let (mut peer, mut connection) = pair();
            peer.write_all(sent).expect("sent");
            let closed = matches!(serve(&mut connection), After::Close(Reason::LineTooLong));
            assert_eq!(closed, closes, "{sent:?}");
        }
        // In two parts.
        let (mut peer, mut connection) = pair();
        peer.write_all(b"12345").expect("sent");
        assert!(matches!(serve(&mut connection), After::Wait));
        peer.write_all(b"6789\n").expect("sent");
        let after = serve(&mut connection);
        assert!(matches!(after, After::Close(Reason::LineTooLong)));
    }

    #[test]
    fn each_deadline_has_its_reason() {
        let options = Options::parse_from(["guarded"]);
        let later = |seconds| Instant::now() + Duration::from_secs(seconds);
        let (mut peer, mut connection) = pair();
        assert!(connection.late(&options, later(29)).is_none());
        let late = connection.late(&options, later(31));
        assert!(matches!(late, Some(Reason::FirstByteTimeout)));
        peer.write_all(b"1\n").expect("sent");
        assert!(matches!(serve(&mut connection), After::Wait));
        assert!(connection.late(&options, later(3599)).is_none());
        let late = connection.late(&options, later(3601));
        assert!(matches!(late, Some(Reason::IdleTimeout)));
        peer.write_all(b"part").expect("sent");
        assert!(matches!(serve(&mut connection), After::Wait));
        let late = connection.late(&options, later(61));
        assert!(matches!(late, Some(Reason::MessageTimeout)));
    }
}
