//! Echo: every connection keeps a fixed number of messages in flight and sends the next one when a reply is complete.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::content::{Content, Position};
use crate::options::Options;
use crate::session::Load;
use crate::window::Window;

/// The run fails when the server is silent for so long.
const STALL: Duration = Duration::from_secs(5);
const BUFFER: usize = 64 * 1024;
/// Connections opened at a time: fewer than the shortest backlog among the servers, because the kernel retries a dropped
/// handshake only after a second.
const BATCH: usize = 64;

struct Client {
    socket: TcpStream,
    next_sent: Position,
    next_received: Position,
    /// Bytes of started messages that the kernel has not taken yet.
    unsent: usize,
    /// Bytes of the reply that has arrived in part.
    partial: usize,
    /// The send time of each message in flight, in nanoseconds since the start.
    sent_at: VecDeque<u64>,
}

impl Client {
    fn send(&mut self, content: &Content) -> io::Result<()> {
        while self.unsent > 0 {
            match self
                .socket
                .write(content.slice(self.next_sent, self.unsent))
            {
                Ok(length) => {
                    self.unsent -= length;
                    self.next_sent.advance(length);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// All connections of a run.
pub(crate) struct Clients {
    epoll: Epoll,
    events: Vec<EpollEvent>,
    clients: Vec<Client>,
    content: Content,
    buffer: Vec<u8>,
    size: usize,
    in_flight: usize,
    on_their_way: usize,
    started: Instant,
}

impl Clients {
    /// Opens the connections in batches. Each connection must get `--verify` correct replies before the next batch.
    pub(crate) fn open(options: &Options) -> Result<Self, Box<dyn Error>> {
        let mut this = Self {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            events: vec![EpollEvent::empty(); 1024],
            clients: Vec::new(),
            content: Content::new(),
            buffer: vec![0; BUFFER],
            size: usize::try_from(options.size)?,
            in_flight: usize::try_from(options.in_flight)?,
            on_their_way: 0,
            started: Instant::now(),
        };
        let total = usize::try_from(options.connections)?;
        while this.clients.len() < total {
            let first = this.clients.len();
            for _ in 0..BATCH.min(total - first) {
                this.open_one(options.address)?;
            }
            for _ in 0..options.verify {
                for index in first..this.clients.len() {
                    this.send_messages(index, 1)?;
                }
                this.settle()?;
            }
        }
        Ok(this)
    }

    /// Opens one connection and sends nothing.
    fn open_one(&mut self, address: SocketAddr) -> Result<(), Box<dyn Error>> {
        let index = self.clients.len();
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let interest = EpollFlags::EPOLLIN
            | EpollFlags::EPOLLOUT
            | EpollFlags::EPOLLRDHUP
            | EpollFlags::EPOLLET;
        self.epoll
            .add(&socket, EpollEvent::new(interest, u64::try_from(index)?))?;
        let start = Content::start(index);
        self.clients.push(Client {
            socket,
            next_sent: start,
            next_received: start,
            unsent: 0,
            partial: 0,
            sent_at: VecDeque::new(),
        });
        Ok(())
    }

    fn send_messages(&mut self, index: usize, count: usize) -> io::Result<()> {
        let now = self.now_ns();
        let client = &mut self.clients[index];
        client.sent_at.extend(std::iter::repeat_n(now, count));
        client.unsent += count * self.size;
        self.on_their_way += count;
        client.send(&self.content)
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
            self.serve(index, event.events(), window.as_deref_mut())
                .map_err(|error| format!("connection {index}: {error}"))?;
        }
        self.events = events;
        Ok(())
    }

    fn serve(
        &mut self,
        index: usize,
        flags: EpollFlags,
        mut window: Option<&mut Window>,
    ) -> Result<(), Box<dyn Error>> {
        let hang_up = EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR;
        if self.clients[index].unsent > 0 {
            self.clients[index].send(&self.content)?;
        }
        while flags.intersects(EpollFlags::EPOLLIN.union(hang_up)) {
            let client = &mut self.clients[index];
            let length = match client.socket.read(&mut self.buffer) {
                Ok(0) => return Err("closed by the server".into()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let expected = self.content.slice(client.next_received, length);
            let received = &self.buffer[..length];
            // Comparing 16 KiB would make the load slower than the floor, which would then wait for it.
            let correct = if window.as_ref().is_some_and(|window| window.is_open()) {
                edges_equal(expected, received)
            } else {
                expected == received
            };
            if !correct {
                return Err("a reply differs from what was sent".into());
            }
            client.next_received.advance(length);
            client.partial += length;
            let complete = client.partial / self.size;
            client.partial %= self.size;
            if complete > 0 {
                self.complete(index, complete, window.as_deref_mut())?;
                if window.is_some() {
                    self.send_messages(index, complete)?;
                }
            }
            if length < self.buffer.len() && !flags.intersects(hang_up) {
                break;
            }
        }
        Ok(())
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
            let sent = client
                .sent_at
                .pop_front()
                .ok_or("more came back than was sent")?;
            if let Some(window) = window.as_deref_mut() {
                window.record(now - sent);
            }
        }
        self.on_their_way -= count;
        Ok(())
    }
}

impl Load for Clients {
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

/// Compares both ends. Bytes that are lost, doubled, moved or from another connection show there, because no two places of
/// the streams are equal.
fn edges_equal(expected: &[u8], received: &[u8]) -> bool {
    const EDGE: usize = 64;
    let length = expected.len();
    if length <= 2 * EDGE {
        return expected == received;
    }
    expected[..EDGE] == received[..EDGE] && expected[length - EDGE..] == received[length - EDGE..]
}
