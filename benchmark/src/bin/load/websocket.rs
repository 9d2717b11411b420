//! Echo over WebSocket: as echo, with masked frames out and plain frames back. Each connection sends the same message again and again,
//! and no two connections send the same one.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::content::Content;
use crate::options::Options;
use crate::session::Load;
use crate::window::Window;

/// The run fails when the server is silent for so long.
const STALL: Duration = Duration::from_secs(5);
const BUFFER: usize = 64 * 1024;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
/// Both ends of a reply are compared inside a window, as in echo.
const EDGE: usize = 64;

struct Client {
    socket: TcpStream,
    /// The frame that is sent.
    frame: Vec<u8>,
    /// The frame that has to come back.
    reply: Vec<u8>,
    /// Frames that are to be sent, and how much of the first one has been.
    waiting: usize,
    written: usize,
    /// How much of a reply has come.
    partial: usize,
    /// The send time of each message in flight, in nanoseconds since the start.
    sent_at: VecDeque<u64>,
}

impl Client {
    fn send(&mut self) -> io::Result<()> {
        while self.waiting > 0 {
            match self.socket.write(&self.frame[self.written..]) {
                Ok(length) => self.written += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if self.written == self.frame.len() {
                self.written = 0;
                self.waiting -= 1;
            }
        }
        Ok(())
    }

    /// Compares what was received. Returns how many replies are complete.
    fn take(&mut self, mut received: &[u8], all: bool) -> Result<usize, Box<dyn Error>> {
        let mut complete = 0;
        while !received.is_empty() {
            let expected = &self.reply[self.partial..];
            let length = expected.len().min(received.len());
            let (one, rest) = received.split_at(length);
            let is_right = if all || length <= 2 * EDGE {
                one == &expected[..length]
            } else {
                one[..EDGE] == expected[..EDGE]
                    && one[length - EDGE..] == expected[length - EDGE..length]
            };
            if !is_right {
                return Err("wrong bytes came back".into());
            }
            self.partial += length;
            if self.partial == self.reply.len() {
                self.partial = 0;
                complete += 1;
            }
            received = rest;
        }
        Ok(complete)
    }
}

/// All connections of a run.
pub(crate) struct WebSockets {
    epoll: Epoll,
    events: Vec<EpollEvent>,
    clients: Vec<Client>,
    buffer: Vec<u8>,
    in_flight: usize,
    on_their_way: usize,
    started: Instant,
}

impl WebSockets {
    /// Opens the connections. Each must get `--verify` correct replies.
    pub(crate) fn open(options: &Options) -> Result<Self, Box<dyn Error>> {
        let mut this = Self {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            events: vec![EpollEvent::empty(); 1024],
            clients: Vec::new(),
            buffer: vec![0; BUFFER],
            in_flight: usize::try_from(options.in_flight)?,
            on_their_way: 0,
            started: Instant::now(),
        };
        let (content, size) = (Content::new(), usize::try_from(options.size)?);
        for index in 0..usize::try_from(options.connections)? {
            let bytes = content.slice(Content::start(index), size);
            let (first, payload) = if options.text {
                let letters = bytes.iter().map(|byte| b'!' + byte % 94).collect();
                (TEXT, letters)
            } else {
                (BINARY, bytes.to_vec())
            };
            this.open_one(options.address, index, first, &payload)?;
            for _ in 0..options.verify {
                this.send_messages(index, 1)?;
                this.settle()?;
            }
        }
        Ok(this)
    }

    fn open_one(
        &mut self,
        address: SocketAddr,
        index: usize,
        first: u8,
        payload: &[u8],
    ) -> Result<(), Box<dyn Error>> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(STALL))?;
        shake_hands(&mut socket, address)?;
        socket.set_nonblocking(true)?;
        let interest = EpollFlags::EPOLLIN
            | EpollFlags::EPOLLOUT
            | EpollFlags::EPOLLRDHUP
            | EpollFlags::EPOLLET;
        self.epoll
            .add(&socket, EpollEvent::new(interest, u64::try_from(index)?))?;
        let masked = payload.iter().zip(MASK.iter().cycle());
        let masked: Vec<u8> = masked.map(|(byte, mask)| byte ^ mask).collect();
        let mut frame = header(first, payload.len());
        frame[1] |= 0x80;
        frame.extend(MASK);
        frame.extend(masked);
        self.clients.push(Client {
            socket,
            frame,
            reply: [header(first, payload.len()), payload.to_vec()].concat(),
            waiting: 0,
            written: 0,
            partial: 0,
            sent_at: VecDeque::new(),
        });
        Ok(())
    }

    fn send_messages(&mut self, index: usize, count: usize) -> io::Result<()> {
        let now = self.now_ns();
        let client = &mut self.clients[index];
        client.sent_at.extend(std::iter::repeat_n(now, count));
        client.waiting += count;
        self.on_their_way += count;
        client.send()
    }

    fn now_ns(&self) -> u64 {
        // 584 years fit.
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Waits for one batch of replies and checks them. Without a window, no new messages are sent.
    fn receive(&mut self, mut window: Option<&mut Window>) -> Result<(), Box<dyn Error>> {
        let timeout = EpollTimeout::try_from(STALL)?;
        let mut events = std::mem::take(&mut self.events);
        let count = match self.epoll.wait(&mut events, timeout) {
            Ok(0) => return Err(format!("no reply for {} s", STALL.as_secs()).into()),
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        for event in &events[..count] {
            let index = usize::try_from(event.data())?;
            self.serve(index, window.as_deref_mut())
                .map_err(|error| format!("connection {index}: {error}"))?;
        }
        self.events = events;
        Ok(())
    }

    fn serve(
        &mut self,
        index: usize,
        mut window: Option<&mut Window>,
    ) -> Result<(), Box<dyn Error>> {
        self.clients[index].send()?;
        loop {
            let client = &mut self.clients[index];
            let length = match client.socket.read(&mut self.buffer) {
                Ok(0) => return Err("closed by the server".into()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let is_timed = window.as_ref().is_some_and(|window| window.is_open());
            let complete = client.take(&self.buffer[..length], !is_timed)?;
            if complete > 0 {
                self.complete(index, complete, window.as_deref_mut())?;
                if window.is_some() {
                    self.send_messages(index, complete)?;
                }
            }
            if length < self.buffer.len() {
                return Ok(());
            }
        }
    }

    fn complete(
        &mut self,
        index: usize,
        count: usize,
        mut window: Option<&mut Window>,
    ) -> Result<(), Box<dyn Error>> {
        let now = self.now_ns();
        let client = &mut self.clients[index];
        for _ in 0..count {
            let sent = client.sent_at.pop_front();
            let sent = sent.ok_or("more came back than was sent")?;
            if let Some(window) = window.as_deref_mut() {
                window.record(now - sent);
            }
        }
        self.on_their_way -= count;
        Ok(())
    }
}

/// A frame's header, without a mask.
fn header(first: u8, length: usize) -> Vec<u8> {
    match length {
        0..=125 => vec![first, length as u8],
        126..=0xffff => [&[first, 126][..], &(length as u16).to_be_bytes()].concat(),
        _ => [&[first, 127][..], &(length as u64).to_be_bytes()].concat(),
    }
}

fn shake_hands(socket: &mut TcpStream, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    write!(
        socket,
        "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        head.extend(byte);
    }
    if head.starts_with(b"HTTP/1.1 101 ") {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&head).into())
    }
}

impl Load for WebSockets {
    fn start(&mut self) -> Result<(), Box<dyn Error>> {
        for index in 0..self.clients.len() {
            self.send_messages(index, self.in_flight)?;
        }
        Ok(())
    }

    fn turn(&mut self, window: &mut Window) -> Result<(), Box<dyn Error>> {
        self.receive(Some(window))
    }

    fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        while self.on_their_way > 0 {
            self.receive(None)?;
        }
        Ok(())
    }
}
