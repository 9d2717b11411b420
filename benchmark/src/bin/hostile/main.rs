//! Hostile clients for the attack benchmark: one thread with its own epoll, bounded in count and time.

mod client;
mod counters;
mod kind;
mod options;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use edgepoll_benchmark::loopback::{self, KernelBuffers};
use edgepoll_benchmark::raise_open_file_limit;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use client::{Client, Next, State};
use counters::Counters;
use kind::{Kind, Reads};
use options::Options;

/// A connection that is not open after this time is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many timers are served before the kernel is asked for events again: those who connect come before those who flood.
const TIMERS: usize = 1024;
/// The same for clients that can send or read more at once. They stop at the next timer, after a few of them.
const FLOODS: usize = 64;
const FEWEST_FLOODS: usize = 4;
/// Bytes of each of the kernel's two buffers of a connection on this side. Both sides are on one machine here, and the kernel's limit
/// of memory for TCP is one for both: so little of it is the clients'.
const KERNEL_BUFFER: usize = 32 * 1024;
const STDIN: u64 = u64::MAX;
/// Clients that do not share their address have one of so many.
const ADDRESSES: u32 = 2500;

struct Attack {
    address: SocketAddr,
    epoll: Epoll,
    clients: Vec<Client>,
    counters: Vec<Counters>,
    /// Client and generation by time: a beat, the end of a pause, or the end of patience.
    timers: BinaryHeap<Reverse<(Instant, usize, u32)>>,
    /// Clients that can send or read more at once.
    queue: VecDeque<usize>,
    buffer: Vec<u8>,
}

fn source(index: u32, same: u32) -> Ipv4Addr {
    if index.is_multiple_of(same) {
        return Ipv4Addr::new(127, 1, 0, 1);
    }
    let own = index % ADDRESSES;
    let [.., third, fourth] = (own + 256).to_be_bytes();
    Ipv4Addr::new(127, 2, third, fourth)
}

impl Attack {
    fn new(options: &Options) -> Result<Self, Box<dyn Error>> {
        let mut attack = Self {
            address: options.address,
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            clients: Vec::new(),
            counters: Kind::value_variants()
                .iter()
                .map(|_| Counters::default())
                .collect(),
            timers: BinaryHeap::new(),
            queue: VecDeque::new(),
            buffer: vec![0; 64 * 1024],
        };
        let begin = Instant::now();
        for (index, kind) in (0..options.clients).zip(options.kind.iter().cycle()) {
            // The share of one address has clients of each kind: the kinds go in turn, and the share counts turns.
            let turn = index / u32::try_from(options.kind.len())?;
            let client = Client::new(*kind, source(turn, options.same_address));
            attack.counters[kind.index()].clients += 1;
            attack.clients.push(client);
            let due = begin + Duration::from_secs(1) * index / options.ramp;
            attack
                .timers
                .push(Reverse((due, usize::try_from(index)?, 0)));
        }
        Ok(attack)
    }

    fn run(&mut self, until: Instant) -> Result<(), Box<dyn Error>> {
        self.epoll
            .add(io::stdin(), EpollEvent::new(EpollFlags::EPOLLIN, STDIN))?;
        let mut events = vec![EpollEvent::empty(); 1024];
        loop {
            let now = Instant::now();
            if now >= until {
                return Ok(());
            }
            self.expire(now)?;
            for served in 0..self.queue.len().min(FLOODS) {
                if served >= FEWEST_FLOODS && self.is_due() {
                    break;
                }
                let Some(index) = self.queue.pop_front() else {
                    break;
                };
                self.clients[index].queued = false;
                if self.clients[index].state == State::Open {
                    let next = {
                        let client = &mut self.clients[index];
                        let counters = &mut self.counters[client.kind.index()];
                        client.step(false, &mut self.buffer, counters)?
                    };
                    self.proceed(index, next);
                }
            }
            let wait = match self.timers.peek() {
                _ if !self.queue.is_empty() => Duration::ZERO,
                Some(Reverse((due, ..))) => due.saturating_duration_since(Instant::now()),
                None => Duration::from_millis(100),
            };
            let wait = wait.min(Duration::from_millis(100));
            let count = match self.epoll.wait(&mut events, EpollTimeout::try_from(wait)?) {
                Ok(count) => count,
                Err(Errno::EINTR) => 0,
                Err(error) => return Err(error.into()),
            };
            for event in &events[..count] {
                if event.data() == STDIN {
                    let mut bytes = [0; 64];
                    if io::stdin().read(&mut bytes)? == 0 {
                        return Ok(());
                    }
                    continue;
                }
                self.on_event(event)?;
            }
        }
    }

    fn on_event(&mut self, event: &EpollEvent) -> Result<(), Box<dyn Error>> {
        let index = usize::try_from(event.data() & u64::from(u32::MAX))?;
        let generation = u32::try_from(event.data() >> 32)?;
        let client = &mut self.clients[index];
        if client.generation != generation || client.socket.is_none() {
            return Ok(());
        }
        let was = client.state;
        let counters = &mut self.counters[client.kind.index()];
        let next = client.on_event(event.events(), &mut self.buffer, counters)?;
        if was == State::Connecting && client.state == State::Open {
            if let Some(beat) = client.script.beat {
                let due = Instant::now() + beat;
                self.timers.push(Reverse((due, index, generation)));
            }
        }
        self.proceed(index, next);
        Ok(())
    }

    /// Whether the time of a timer has come.
    fn is_due(&self) -> bool {
        self.timers
            .peek()
            .is_some_and(|Reverse((due, ..))| *due <= Instant::now())
    }

    /// Serves timers that are due.
    fn expire(&mut self, now: Instant) -> Result<(), Box<dyn Error>> {
        for _ in 0..TIMERS {
            match self.timers.peek() {
                Some(Reverse((due, ..))) if *due <= now => {}
                _ => break,
            }
            let Some(Reverse((due, index, generation))) = self.timers.pop() else {
                break;
            };
            let client = &mut self.clients[index];
            if client.generation != generation {
                continue;
            }
            let counters = &mut self.counters[client.kind.index()];
            match client.state {
                State::Apart => self.connect(index)?,
                State::Connecting => {
                    counters.timed_out += 1;
                    self.proceed(index, Next::Again);
                }
                State::Open => {
                    let next = client.beat(counters)?;
                    if let (Some(beat), true) = (client.script.beat, next != Next::Again) {
                        // A beat that is missed is left out.
                        let due = (due + beat).max(now);
                        self.timers.push(Reverse((due, index, generation)));
                    }
                    self.proceed(index, next);
                }
            }
        }
        Ok(())
    }

    fn connect(&mut self, index: usize) -> Result<(), Box<dyn Error>> {
        let client = &mut self.clients[index];
        client.generation = client.generation.wrapping_add(1);
        let buffers = KernelBuffers {
            receive: match client.script.reads {
                Reads::Sips => 1,
                Reads::Nothing | Reads::All => KERNEL_BUFFER,
            },
            send: KERNEL_BUFFER,
        };
        match loopback::begin_connect(self.address, client.source, Some(buffers)) {
            Ok(socket) => {
                let data = u64::from(client.generation) << 32 | u64::try_from(index)?;
                self.epoll
                    .add(&socket, EpollEvent::new(client.interest(), data))?;
                client.socket = Some(socket);
                client.state = State::Connecting;
                let due = Instant::now() + PATIENCE;
                self.timers.push(Reverse((due, index, client.generation)));
            }
            Err(Errno::EADDRNOTAVAIL | Errno::EADDRINUSE) => {
                self.counters[client.kind.index()].no_port += 1;
                self.proceed(index, Next::Again);
            }
            Err(Errno::ECONNREFUSED | Errno::ECONNRESET | Errno::ETIMEDOUT) => {
                self.counters[client.kind.index()].failed += 1;
                self.proceed(index, Next::Again);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn proceed(&mut self, index: usize, next: Next) {
        let client = &mut self.clients[index];
        match next {
            Next::Keep => {}
            Next::More => {
                if !client.queued {
                    client.queued = true;
                    self.queue.push_back(index);
                }
            }
            Next::Again => {
                client.socket = None;
                client.state = State::Apart;
                client.generation = client.generation.wrapping_add(1);
                let due = Instant::now() + client.script.again;
                self.timers.push(Reverse((due, index, client.generation)));
            }
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    raise_open_file_limit()?;
    let mut attack = Attack::new(options)?;
    attack.run(Instant::now() + Duration::from_secs(u64::from(options.seconds)))?;
    attack.clients.clear();
    let counted: BTreeMap<String, &Counters> = Kind::value_variants()
        .iter()
        .map(|kind| (kind.name(), &attack.counters[kind.index()]))
        .filter(|(_, counters)| counters.clients > 0)
        .collect();
    writeln!(io::stdout(), "{}", serde_json::to_string(&counted)?)?;
    Ok(())
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hostile: {error}");
            ExitCode::FAILURE
        }
    }
}
