//! The sending side: a closed loop on one thread. The next connection begins when another has its answer, so that the same
//! number of connections is always busy. A wrong answer or a stall ends it with an error.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use edgepoll_benchmark::meter::{Reading, Usage};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::unistd::Pid;
use serde::Serialize;

use super::LENGTH;
use crate::session::answer;

const EVENTS: usize = 1024;
const PATIENCE_MS: u16 = 5000;
const MAX_BYTES: usize = 16 * 1024 * 1024;

#[derive(Serialize)]
struct Report {
    connections: usize,
    bytes: u64,
    seconds: f64,
    server: Usage,
    load: Usage,
}

struct Sender {
    stream: TcpStream,
    busy: bool,
    sent: usize,
    answer: [u8; LENGTH],
    answered: usize,
}

impl Sender {
    fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            busy: false,
            sent: 0,
            answer: [0; LENGTH],
            answered: 0,
        })
    }

    /// Sends and receives as much as it can. True when the answer is complete.
    fn go_on(&mut self, message: &[u8]) -> Result<bool, Box<dyn Error>> {
        while self.sent < message.len() {
            match self.stream.write(&message[self.sent..]) {
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        match self.stream.read(&mut self.answer[self.answered..]) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(length) => self.answered += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if self.answered < LENGTH {
            return Ok(false);
        }
        if usize::try_from(u64::from_le_bytes(self.answer))? != message.len() - LENGTH {
            return Err("the server received another length than was sent".into());
        }
        Ok(true)
    }
}

struct Load {
    senders: Vec<Sender>,
    epoll: Epoll,
    events: Vec<EpollEvent>,
    at_a_time: usize,
    server: Pid,
}

impl Load {
    fn begin(&mut self, index: usize, message: &[u8]) -> Result<(), Box<dyn Error>> {
        let sender = &mut self.senders[index];
        sender.busy = true;
        sender.sent = 0;
        sender.answered = 0;
        // No answer can be there yet. What is not sent now is sent at the next edge.
        match sender.stream.write(message) {
            Ok(length) => sender.sent = length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn transfer(&mut self, bytes: usize) -> Result<Report, Box<dyn Error>> {
        let mut message = u64::try_from(bytes)?.to_le_bytes().to_vec();
        message.resize(LENGTH + bytes, b'x');
        let count = self.senders.len();
        let server = Reading::of(self.server)?;
        let load = Reading::of(Pid::this())?;
        let since = Instant::now();
        let mut begun = self.at_a_time.min(count);
        for index in 0..begun {
            self.begin(index, &message)?;
        }
        let mut done = 0;
        while done < count {
            let ready = self
                .epoll
                .wait(&mut self.events, EpollTimeout::from(PATIENCE_MS))?;
            if ready == 0 {
                return Err(format!("{done} of {count} transfers, then silence").into());
            }
            for turn in 0..ready {
                let index = usize::try_from(self.events[turn].data())?;
                let sender = &mut self.senders[index];
                if !sender.busy || !sender.go_on(&message)? {
                    continue;
                }
                sender.busy = false;
                done += 1;
                if begun < count {
                    self.begin(begun, &message)?;
                    begun += 1;
                }
            }
        }
        let seconds = since.elapsed().as_secs_f64();
        Ok(Report {
            connections: count,
            bytes: u64::try_from(bytes * count)?,
            seconds,
            server: server.until(&Reading::of(self.server)?),
            load: load.until(&Reading::of(Pid::this())?),
        })
    }
}

pub(crate) fn load(
    address: SocketAddr,
    connections: u32,
    at_a_time: u32,
    server_pid: i32,
) -> Result<(), Box<dyn Error>> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let mut senders = Vec::new();
    for index in 0..connections {
        let sender = Sender::open(address)?;
        let interest = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
        epoll.add(&sender.stream, EpollEvent::new(interest, u64::from(index)))?;
        senders.push(sender);
    }
    let mut load = Load {
        senders,
        epoll,
        events: vec![EpollEvent::empty(); EVENTS],
        at_a_time: usize::try_from(at_a_time)?,
        server: Pid::from_raw(server_pid),
    };
    answer(|words| {
        let ["transfer", bytes] = words else {
            return Err(format!("not a command: '{}'", words.join(" ")).into());
        };
        let bytes = bytes.parse()?;
        if bytes > MAX_BYTES {
            return Err(format!("{bytes} bytes are more than {MAX_BYTES}").into());
        }
        load.transfer(bytes)
    })
}
