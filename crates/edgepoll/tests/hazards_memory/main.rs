//! The hazards of memory: an allocation that fails, and what a peer costs. Every test asks the allocator of this program.
#![allow(unsafe_code, reason = "an allocator is unsafe to implement")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/bench.rs"]
mod bench;
#[path = "../support/inbox.rs"]
mod inbox;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use edgepoll::connection::CloseReason;
use edgepoll::kernel::LinuxKernel;
use edgepoll::protocol::{ErrorKind, Factory, Fault, LengthPrefix, LengthSize, Lines};
use edgepoll::reactor::{Budget, ListenOptions};
use edgepoll::Token;

use inbox::RecordingInbox;

type Bench = bench::Bench<LinuxKernel>;

/// Counts the memory of each thread, and refuses what is longer than the thread allows.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static LONGEST: Cell<usize> = const { Cell::new(usize::MAX) };
}

// SAFETY: every call is passed on to the system's allocator with the same layout, or gives no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LONGEST.get() {
            return std::ptr::null_mut();
        }
        HELD.set(HELD.get().wrapping_add(layout.size()));
        // SAFETY: the caller's promise about the layout holds for this call as well.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        // SAFETY: the block is one of `alloc`, and the caller gives its layout.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static MEMORY: Counting = Counting;

/// Runs `run` while an allocation of more than `longest` bytes fails.
fn with_memory_for(longest: usize, run: impl FnOnce()) {
    LONGEST.set(longest);
    run();
    LONGEST.set(usize::MAX);
}

const LIMIT: Duration = Duration::from_secs(20);

impl Bench {
    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Bench) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < LIMIT, "{what}: not within the limit");
            self.turn(Some(Duration::from_millis(500)));
        }
    }

    fn client(&mut self, address: SocketAddr) -> (TcpStream, Token) {
        let before = self.opened().len();
        let client = TcpStream::connect(address).unwrap();
        self.until("accept", |bench| bench.opened().len() > before);
        (client, *self.opened().last().unwrap())
    }
}

fn serving(protocol: Factory) -> (Bench, SocketAddr) {
    let mut bench = Bench::with(
        LinuxKernel::new(64).unwrap(),
        Budget::default(),
        RecordingInbox::new(10_000, 65_536),
    );
    let options = ListenOptions {
        protocol: Some(Rc::new(protocol)),
        ..ListenOptions::default()
    };
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = bench.reactor.listen(at, options).unwrap();
    let address = bench.reactor.local_address(listener).unwrap();
    (bench, address.try_into().unwrap())
}

#[test]
fn hazard_94_a_message_without_memory_ends_its_connection_alone() {
    const LONGEST: usize = 1 << 20;
    let (mut bench, address) = serving(Factory::new(Lines::new(256 << 20)));
    let (mut long, token) = bench.client(address);
    let (mut other, served) = bench.client(address);
    long.set_nonblocking(true).unwrap();
    with_memory_for(LONGEST, || {
        bench.until("the end of the long message", |bench| {
            // What the kernel does not take now is sent in a later turn.
            let _ = long.write(&[b'a'; 65_536]);
            bench.closed(token).is_some()
        });
    });
    let Some(CloseReason::Protocol(error)) = bench.closed(token) else {
        panic!("{:?}", bench.closed(token));
    };
    let Fault::Error(error) = error.fault else {
        panic!("{error}");
    };
    assert_eq!(error.kind(), ErrorKind::TooLong);
    assert!(error.text().contains("memory"), "{}", error.text());
    other.write_all(b"line\n").unwrap();
    bench.until("a line of the other", |bench| {
        bench.bytes(served) == b"line"
    });
    assert_eq!(bench.closed(served), None);
    bench.reactor.write(served, b"answer", false).unwrap();
    let mut answer = [0; 6];
    other.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"answer");
}

#[test]
fn hazard_94_a_length_that_a_peer_announces_takes_no_memory() {
    let prefix = LengthPrefix::new(LengthSize::U32, 1 << 30);
    let (mut bench, address) = serving(Factory::new(prefix));
    let (mut client, token) = bench.client(address);
    let before = HELD.get();
    client.write_all(&(1_u32 << 29).to_be_bytes()).unwrap();
    client.write_all(b"the first bytes").unwrap();
    let events = bench.reactor.stats().receives;
    bench.until("the bytes", |bench| bench.reactor.stats().receives > events);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.closed(token), None);
    let grown = HELD.get().saturating_sub(before);
    assert!(grown < 4_096, "{grown} bytes for 19 received ones");
}

#[test]
fn hazard_95_an_idle_connection_keeps_no_buffer() {
    const COUNT: usize = 400;
    let (mut bench, address) = serving(Factory::new(Lines::new(65_536)));
    let mut clients = Vec::new();
    let exchange = |bench: &mut Bench, clients: &mut Vec<(TcpStream, Token)>| {
        for _ in 0..COUNT {
            let (mut client, token) = bench.client(address);
            // A long line in two pieces, so that part of it waits in a buffer, and a long answer.
            client.write_all(&[b'a'; 20_000]).unwrap();
            bench.until("the piece", |bench| {
                bench.reactor.counters(token).unwrap().0 == 20_000
            });
            client.write_all(b"\n").unwrap();
            bench.until("the line", |bench| !bench.frames(token).is_empty());
            bench.reactor.write(token, &[b'b'; 20_000], false).unwrap();
            client.read_exact(&mut [0; 20_000]).unwrap();
            bench.forget();
            clients.push((client, token));
        }
    };
    // The tables of the reactor grow in steps.
    clients.reserve(4 * COUNT);
    exchange(&mut bench, &mut clients);
    let before = HELD.get();
    exchange(&mut bench, &mut clients);
    let each = HELD.get().saturating_sub(before) / COUNT;
    assert!(each <= 1_024, "{each} bytes for each idle connection");
    for (_, token) in &clients {
        assert!(bench.reactor.is_open(*token));
    }
}
