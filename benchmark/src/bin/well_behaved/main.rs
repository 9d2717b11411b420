//! Well-behaved clients for the attack benchmark. Latency counts from the moment when a request was due, so that a server that
//! stalls pays for all requests that would have been sent meanwhile.

mod fresh;
mod options;
mod samples;
mod steady;

use std::error::Error;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use edgepoll_benchmark::raise_open_file_limit;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::unistd::read;

use fresh::{Fresh, FIRST};
use options::Options;
use samples::Samples;
use steady::Steady;

const STDIN: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

struct Clients {
    epoll: Epoll,
    steady: Vec<Steady>,
    fresh: Fresh,
    samples: Samples,
    begin: Instant,
    /// The time between two clients' lines.
    tick: Duration,
    /// Ticks that were served.
    ticks: u32,
    ticks_per_fresh: u32,
    buffer: Vec<u8>,
    /// What was read of standard input after its last line.
    command: Vec<u8>,
}

impl Clients {
    fn new(options: &Options) -> Result<Self, Box<dyn Error>> {
        let tick_us = options.every_us / options.clients;
        Ok(Self {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            steady: (0..options.clients)
                .map(|index| Steady::new(index, options.address))
                .collect(),
            fresh: Fresh::new(
                options.address,
                Duration::from_millis(u64::from(options.patience_ms)),
            ),
            samples: Samples::new(),
            begin: Instant::now(),
            tick: Duration::from_micros(u64::from(tick_us)),
            ticks: 0,
            ticks_per_fresh: options.fresh_every_us / tick_us,
            buffer: vec![0; 64 * 1024],
            command: Vec::new(),
        })
    }

    fn run(&mut self) -> Result<(), Box<dyn Error>> {
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK.union(TimerFlags::TFD_CLOEXEC),
        )?;
        timer.set(
            Expiration::Interval(self.tick.into()),
            TimerSetTimeFlags::empty(),
        )?;
        self.begin = Instant::now();
        let readable = |data| EpollEvent::new(EpollFlags::EPOLLIN, data);
        self.epoll.add(&timer, readable(TIMER))?;
        self.epoll.add(io::stdin(), readable(STDIN))?;
        let mut events = vec![EpollEvent::empty(); 256];
        loop {
            let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(count) => count,
                Err(Errno::EINTR) => 0,
                Err(error) => return Err(error.into()),
            };
            for event in &events[..count] {
                match event.data() {
                    STDIN => {
                        if !self.on_command()? {
                            return Ok(());
                        }
                    }
                    TIMER => {
                        let mut expirations = [0; 8];
                        match read(timer.as_fd(), &mut expirations) {
                            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                            Err(error) => return Err(error.into()),
                        }
                        self.on_tick()?;
                    }
                    token if token >= FIRST => {
                        self.fresh
                            .on_event(token, &mut self.buffer, &mut self.samples)?;
                    }
                    index => self.steady[usize::try_from(index)?]
                        .on_readable(&mut self.buffer, &mut self.samples)?,
                }
            }
        }
    }

    /// Serves every tick until now.
    fn on_tick(&mut self) -> Result<(), Box<dyn Error>> {
        let now = Instant::now();
        loop {
            let due = self.begin + self.tick * (self.ticks + 1);
            if due > now {
                break;
            }
            let index = usize::try_from(self.ticks)? % self.steady.len();
            self.steady[index].due(due, &self.epoll, &mut self.samples)?;
            if self.ticks.is_multiple_of(self.ticks_per_fresh) {
                self.fresh.due(due, &self.epoll, &mut self.samples)?;
            }
            self.ticks += 1;
        }
        self.fresh.expire(now, &mut self.samples);
        Ok(())
    }

    /// Reads standard input. Returns whether it goes on.
    fn on_command(&mut self) -> Result<bool, Box<dyn Error>> {
        let mut bytes = [0; 256];
        let length = read(io::stdin().as_fd(), &mut bytes)?;
        if length == 0 {
            return Ok(false);
        }
        self.command.extend_from_slice(&bytes[..length]);
        while let Some(end) = self.command.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.command.drain(..=end).collect();
            self.samples
                .begin_phase(String::from_utf8_lossy(&line).trim());
        }
        Ok(true)
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if !options.every_us.is_multiple_of(options.clients)
        || !options
            .fresh_every_us
            .is_multiple_of(options.every_us / options.clients)
    {
        return Err("the times must be multiples of the time between two clients' lines".into());
    }
    raise_open_file_limit()?;
    let mut clients = Clients::new(options)?;
    clients.run()?;
    let now = Instant::now();
    for client in &clients.steady {
        client.finish(now, &mut clients.samples);
    }
    clients.fresh.finish(now, &mut clients.samples);
    let report = clients.samples.report();
    writeln!(io::stdout(), "{}", serde_json::to_string(&report)?)?;
    Ok(())
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("well_behaved: {error}");
            ExitCode::FAILURE
        }
    }
}
