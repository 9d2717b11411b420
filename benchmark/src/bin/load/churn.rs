//! Churn: connect, send one message, read the reply, close or reset; a fixed number of cycles runs at the same time.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{
    bind, connect, setsockopt, socket, sockopt, AddressFamily, SockFlag, SockType, SockaddrStorage,
};

use crate::content::{Content, Position};
use crate::options::Options;
use crate::session::Load;
use crate::window::Window;

const STALL: Duration = Duration::from_secs(5);
/// The side that closes first keeps the port for a minute (TIME_WAIT), here the client. With this many source addresses
/// there are enough ports. Only the load with resets uses SO_LINGER, because a reset takes another path in the server.
const SOURCES: u32 = 250;

struct Cycle {
    socket: TcpStream,
    began: Instant,
    expected: Position,
    missing: usize,
}

pub(crate) struct Churn {
    address: SocketAddr,
    epoll: Epoll,
    content: Content,
    size: usize,
    resets: bool,
    opened: u32,
    events: Vec<EpollEvent>,
    buffer: Vec<u8>,
    /// Empty between windows.
    cycles: Vec<Option<Cycle>>,
}

impl Churn {
    pub(crate) fn new(options: &Options) -> Result<Self, Box<dyn Error>> {
        let at_a_time = usize::try_from(options.connections)?;
        Ok(Self {
            address: options.address,
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            content: Content::new(),
            size: usize::try_from(options.size)?,
            resets: options.reset,
            opened: 0,
            events: vec![EpollEvent::empty(); 1024],
            buffer: vec![0; 64 * 1024],
            cycles: std::iter::repeat_with(|| None).take(at_a_time).collect(),
        })
    }

    /// Connects and sends. Both calls block: over loopback the kernel completes the handshake within the call.
    fn begin_cycle(&mut self, index: usize) -> Result<Cycle, Box<dyn Error>> {
        let began = Instant::now();
        let mut socket = self.connect()?;
        let expected = Content::start(usize::try_from(self.opened)?);
        socket.write_all(self.content.slice(expected, self.size))?;
        self.epoll.add(
            &socket,
            EpollEvent::new(EpollFlags::EPOLLIN, u64::try_from(index)?),
        )?;
        Ok(Cycle {
            socket,
            began,
            expected,
            missing: self.size,
        })
    }

    fn end_cycle(&mut self, index: usize) -> Result<(), Box<dyn Error>> {
        let cycle = self.cycles[index].take();
        if let (true, Some(cycle)) = (self.resets, cycle) {
            let at_once = nix::libc::linger {
                l_onoff: 1,
                l_linger: 0,
            };
            setsockopt(&cycle.socket, sockopt::Linger, &at_once)?;
        }
        Ok(())
    }

    fn connect(&mut self) -> Result<TcpStream, Box<dyn Error>> {
        self.opened = self.opened.wrapping_add(1);
        let family = if self.address.is_ipv4() {
            AddressFamily::Inet
        } else {
            AddressFamily::Inet6
        };
        let descriptor = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        if let IpAddr::V4(to) = self.address.ip() {
            if to.is_loopback() {
                let last = u8::try_from(self.opened % SOURCES)? + 2;
                let source = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
                // The kernel then chooses the port in connect, by the whole address pair.
                setsockopt(&descriptor, sockopt::IpBindAddressNoPort, &true)?;
                bind(descriptor.as_raw_fd(), &SockaddrStorage::from(source))?;
            }
        }
        connect(descriptor.as_raw_fd(), &SockaddrStorage::from(self.address))?;
        Ok(TcpStream::from(descriptor))
    }

    /// Waits for one batch of replies and checks them. Without a window, no new cycles begin.
    fn receive(&mut self, mut window: Option<&mut Window>) -> Result<(), Box<dyn Error>> {
        let mut events = std::mem::take(&mut self.events);
        let count = match self.epoll.wait(&mut events, EpollTimeout::try_from(STALL)?) {
            Ok(0) => return Err(format!("no reply for {} s", STALL.as_secs()).into()),
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        for event in &events[..count] {
            let index = usize::try_from(event.data())?;
            if let Some(began) = self.read(index)? {
                self.end_cycle(index)?;
                if let Some(window) = window.as_deref_mut() {
                    window.record(u64::try_from(began.elapsed().as_nanos())?);
                    self.cycles[index] = Some(self.begin_cycle(index)?);
                }
            }
        }
        self.events = events;
        Ok(())
    }

    /// Reads what has arrived. Returns the begin of the cycle when its reply is complete.
    fn read(&mut self, index: usize) -> Result<Option<Instant>, Box<dyn Error>> {
        let cycle = self.cycles[index]
            .as_mut()
            .ok_or("an event without a cycle")?;
        let length = cycle.socket.read(&mut self.buffer)?;
        if length == 0 {
            return Err("closed by the server".into());
        }
        if length > cycle.missing
            || self.content.slice(cycle.expected, length) != &self.buffer[..length]
        {
            return Err("a reply differs from what was sent".into());
        }
        cycle.expected.advance(length);
        cycle.missing -= length;
        Ok((cycle.missing == 0).then_some(cycle.began))
    }
}

impl Load for Churn {
    fn start(&mut self) -> Result<(), Box<dyn Error>> {
        for index in 0..self.cycles.len() {
            self.cycles[index] = Some(self.begin_cycle(index)?);
        }
        Ok(())
    }

    fn turn(&mut self, window: &mut Window) -> Result<(), Box<dyn Error>> {
        self.receive(Some(window))
    }

    fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        while self.cycles.iter().any(Option::is_some) {
            self.receive(None)?;
        }
        Ok(())
    }
}
