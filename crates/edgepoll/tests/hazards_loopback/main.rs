//! The hazards that depend on the real kernel, on loopback sockets. Every wait is for an event, with a time limit that only a
//! failure reaches.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/bench.rs"]
mod bench;
#[path = "../support/inbox.rs"]
mod inbox;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use edgepoll::connection::CloseReason;
use edgepoll::kernel::LinuxKernel;
use edgepoll::reactor::{Budget, ConnectOptions, Event, ListenOptions, Reactor, WriteError};
use edgepoll::{Address, Call, Errno, Token};
use nix::sys::socket::{bind, getsockname, send, setsockopt, socket, sockopt};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn};

use inbox::RecordingInbox;

type Bench = bench::Bench<LinuxKernel>;

const LIMIT: Duration = Duration::from_secs(20);

fn on_linux() -> Bench {
    Bench::with(
        LinuxKernel::new(64).unwrap(),
        Budget::default(),
        RecordingInbox::new(10_000, 65_536),
    )
}

impl Bench {
    /// Runs turns until `done` returns true. Panics if that takes too long.
    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Bench) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(
                start.elapsed() < LIMIT,
                "{what}: not within the limit; {:?}",
                self.events
            );
            self.turn(Some(Duration::from_millis(500)));
        }
    }

    fn listen(&mut self) -> SocketAddr {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = self
            .reactor
            .listen(address, ListenOptions::default())
            .unwrap();
        let address = self.reactor.local_address(listener).unwrap();
        address.try_into().unwrap()
    }

    /// A blocking client that the listener has accepted.
    fn client(&mut self, address: SocketAddr) -> (TcpStream, Token) {
        let before = self.opened().len();
        let client = TcpStream::connect(address).unwrap();
        self.until("accept", |bench| bench.opened().len() > before);
        (client, *self.opened().last().unwrap())
    }

    fn until_closed(&mut self, token: Token) -> CloseReason {
        self.until("close", |bench| bench.closed(token).is_some());
        self.closed(token).unwrap()
    }
}

/// Closes with a reset instead of a FIN.
fn reset(client: TcpStream) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    setsockopt(&client, sockopt::Linger, &linger).unwrap();
    drop(client);
}

fn is_reset(reason: &CloseReason) -> bool {
    matches!(reason, CloseReason::Failed(failure) if failure.errno == Errno::ECONNRESET)
}

#[test]
fn data_before_reset_is_delivered() {
    let mut bench = on_linux();
    let address = bench.listen();
    let (mut client, token) = bench.client(address);
    client.write_all(b"the last bytes").unwrap();
    reset(client);
    let reason = bench.until_closed(token);
    assert!(is_reset(&reason), "{reason}");
    assert_eq!(bench.bytes(token), b"the last bytes");
    assert!(!bench.ended(token));
}

/// Reads until the end. Returns the number of bytes, and whether they ended with a FIN or an error.
fn read_to_the_end(mut client: TcpStream) -> (usize, std::io::Result<()>) {
    let mut got = Vec::new();
    let result = client.read_to_end(&mut got);
    (got.len(), result.map(drop))
}

fn assert_reset(result: std::io::Result<()>) {
    let error = result.expect_err("a clean end");
    assert_eq!(error.raw_os_error(), Some(Errno::ECONNRESET.raw_os_error()));
}

/// More bytes than the kernel accepts for a client that reads nothing.
const MUCH: usize = 12 << 20;

#[test]
fn client_of_a_connection_that_lost_bytes_sees_a_reset() {
    let mut bench = on_linux();
    let address = bench.listen();
    let (client, token) = bench.client(address);
    let queued = bench.reactor.write(token, &vec![1; MUCH], false).unwrap();
    assert!(queued > 0, "the kernel took everything");
    bench.reactor.destroy(token);
    let (got, end) = read_to_the_end(client);
    assert!(got <= MUCH - queued);
    assert_reset(end);
}

#[test]
fn client_of_a_connection_that_lost_nothing_sees_its_end() {
    let mut bench = on_linux();
    let address = bench.listen();
    let (client, token) = bench.client(address);
    assert_eq!(bench.reactor.write(token, &[1; 10_000], false), Ok(0));
    bench.reactor.destroy(token);
    let (got, end) = read_to_the_end(client);
    end.unwrap();
    assert_eq!(got, 10_000);
}

#[test]
fn client_of_a_reset_on_purpose_sees_it() {
    let mut bench = on_linux();
    let address = bench.listen();
    let (client, token) = bench.client(address);
    bench.reactor.reset(token);
    assert_reset(read_to_the_end(client).1);
}

#[test]
fn dropping_the_reactor_resets_connections_with_unsent_bytes() {
    let mut bench = on_linux();
    let address = bench.listen();
    let (slow, token) = bench.client(address);
    let (whole, other) = bench.client(address);
    assert!(bench.reactor.write(token, &vec![1; MUCH], false).unwrap() > 0);
    bench.reactor.write(other, b"all", false).unwrap();
    drop(bench);
    assert_reset(read_to_the_end(slow).1);
    let (got, end) = read_to_the_end(whole);
    end.unwrap();
    assert_eq!(got, 3);
}

#[test]
fn bytes_after_urgent_data_do_not_wait_for_another_packet() {
    let mut bench = on_linux();
    let address = bench.listen();
    let (mut client, token) = bench.client(address);
    client.set_nodelay(true).unwrap();
    client.write_all(b"before").unwrap();
    send(client.as_raw_fd(), b"!", MsgFlags::MSG_OOB).unwrap();
    client.write_all(b"behind").unwrap();
    bench.until("the bytes behind the mark", |bench| {
        bench.bytes(token) == b"beforebehind"
    });
    client.write_all(b" and on").unwrap();
    bench.until("the next bytes", |bench| {
        bench.bytes(token) == b"beforebehind and on"
    });
}

#[test]
fn reset_found_while_paused_is_not_a_clean_end() {
    let mut bench = on_linux();
    let address = bench.listen();
    let (mut client, token) = bench.client(address);
    bench.reactor.pause(token);
    client.write_all(b"before").unwrap();
    reset(client);
    let events = bench.reactor.stats().events;
    bench.until("the hang-up", |bench| bench.reactor.stats().events > events);
    assert_eq!(bench.closed(token), None);
    bench.reactor.resume(token);
    let reason = bench.until_closed(token);
    assert!(is_reset(&reason), "{reason}");
    assert_eq!(bench.bytes(token), b"before");
    assert!(!bench.ended(token));
}

#[test]
fn reset_found_by_a_send_is_not_a_clean_end() {
    let mut bench = on_linux();
    let address = bench.listen();
    let (mut client, token) = bench.client(address);
    client.write_all(b"before").unwrap();
    reset(client);
    let mut writes = 0;
    while bench.reactor.write(token, b"reply", false).is_ok() {
        writes += 1;
        assert!(writes < 100_000, "the reset never arrived");
    }
    let reason = bench.until_closed(token);
    assert!(is_reset(&reason), "{reason}");
    assert_eq!(bench.bytes(token), b"before");
    assert!(!bench.ended(token));
}

#[test]
fn paused_connection_is_closed_by_a_reset() {
    let mut bench = on_linux();
    let address = bench.listen();
    let (client, token) = bench.client(address);
    bench.reactor.pause(token);
    reset(client);
    let reason = bench.until_closed(token);
    assert!(is_reset(&reason), "{reason}");
}

#[test]
fn half_close_leaves_the_other_half() {
    let mut bench = on_linux();
    let address = bench.listen();
    let (mut client, token) = bench.client(address);
    client.write_all(b"request").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    bench.until("the end", |bench| bench.ended(token));
    assert_eq!(bench.bytes(token), b"request");
    let reply: Vec<u8> = (0..1_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    bench.reactor.write(token, &reply, false).unwrap();
    bench.reactor.end(token);
    let reader = thread::spawn(move || {
        let mut got = Vec::new();
        client.read_to_end(&mut got).map(|_| got)
    });
    assert_eq!(bench.until_closed(token), CloseReason::Ended);
    assert!(
        reader.join().unwrap().unwrap() == reply,
        "the reply differs"
    );
}

#[test]
fn fin_behind_queued_data() {
    let mut bench = on_linux();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut options = ListenOptions::default();
    options.limits.send_queue = 16 << 20;
    let listener = bench.reactor.listen(address, options).unwrap();
    let address = bench.reactor.local_address(listener).unwrap();
    let (mut client, token) = bench.client(address.try_into().unwrap());
    let message: Vec<u8> = (0..8_u32 << 20)
        .map(|at| (at / 5).to_le_bytes()[0])
        .collect();
    // How much the kernel accepts at once depends on the machine (tcp_wmem, tcp_rmem).
    let mut messages = 1;
    while bench.reactor.write(token, &message, false).unwrap() == 0 {
        messages += 1;
    }
    bench.reactor.end(token);
    let reader = thread::spawn(move || {
        let mut got = Vec::new();
        let mut piece = vec![0; 1_024];
        loop {
            match client.read(&mut piece).unwrap() {
                0 => return got,
                length => got.extend_from_slice(&piece[..length]),
            }
        }
    });
    assert_eq!(bench.until_closed(token), CloseReason::Ended);
    assert!(
        reader.join().unwrap() == message.repeat(messages),
        "the bytes differ"
    );
}

#[test]
fn unread_input_does_not_reset_the_reply() {
    let mut bench = on_linux();
    let address = bench.listen();
    let (client, token) = bench.client(address);
    let reply: Vec<u8> = (0..500_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    // The connection is paused, so this input stays unread. A plain close would answer it with a reset, and the reply would
    // be lost.
    bench.reactor.pause(token);
    let mut writer = client.try_clone().unwrap();
    let flood = thread::spawn(move || {
        writer.write_all(&vec![7; 700_000]).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let events = bench.reactor.stats().events;
    bench.until("the flood", |bench| bench.reactor.stats().events > events);
    bench.reactor.write(token, &reply, false).unwrap();
    bench.reactor.end_and_discard(token);
    let mut reader = client;
    let reader = thread::spawn(move || {
        let mut got = Vec::new();
        reader.read_to_end(&mut got).map(|_| got)
    });
    assert_eq!(bench.until_closed(token), CloseReason::Ended);
    flood.join().unwrap();
    assert!(
        reader.join().unwrap().unwrap() == reply,
        "the reply differs"
    );
    assert_eq!(bench.bytes(token), b"");
}

#[test]
fn connect_refused() {
    let mut bench = on_linux();
    // A port that is bound and does not listen. No other socket can get it during the test.
    let reserved = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .unwrap();
    bind(
        reserved.as_raw_fd(),
        &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)),
    )
    .unwrap();
    let address = getsockname::<SockaddrIn>(reserved.as_raw_fd()).unwrap();
    let token = bench
        .reactor
        .connect(SocketAddrV4::from(address), ConnectOptions::default())
        .unwrap();
    match bench.until_closed(token) {
        CloseReason::Failed(failure) => {
            assert_eq!(
                (failure.call, failure.errno),
                (Call::Connect, Errno::ECONNREFUSED)
            );
        }
        other => panic!("closed as {other}"),
    }
}

#[test]
fn connect_then_reset_before_the_first_turn() {
    let mut bench = on_linux();
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = server.local_addr().unwrap();
    let token = bench
        .reactor
        .connect(address, ConnectOptions::default())
        .unwrap();
    let (mut peer, _) = server.accept().unwrap();
    peer.write_all(b"too many connections").unwrap();
    reset(peer);
    let reason = bench.until_closed(token);
    assert!(is_reset(&reason), "{reason}");
    assert_eq!(bench.bytes(token), b"too many connections");
    assert!(bench.events.contains(&Event::Connected { token }));
}

#[test]
fn connect_deadline() {
    let mut bench = on_linux();
    // A full backlog drops further connects, so they get no answer.
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    nix::sys::socket::listen(&server, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let address = server.local_addr().unwrap();
    let mut tokens = Vec::new();
    for _ in 0..4 {
        let options = ConnectOptions {
            timeout: 200,
            ..ConnectOptions::default()
        };
        tokens.push(bench.reactor.connect(address, options).unwrap());
    }
    let last = *tokens.last().unwrap();
    assert_eq!(
        bench.until_closed(last),
        CloseReason::TimedOut(Call::Connect)
    );
}

#[test]
fn backlog_above_somaxconn_is_cut_by_the_kernel_and_not_refused() {
    let mut bench = on_linux();
    for backlog in [libc::SOMAXCONN, libc::SOMAXCONN + 1, 65_535] {
        let options = ListenOptions {
            backlog,
            ..ListenOptions::default()
        };
        let listener = bench
            .reactor
            .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options)
            .unwrap();
        let address = bench.reactor.local_address(listener).unwrap();
        bench.client(address.try_into().unwrap());
    }
}

#[test]
fn echo_of_many_clients_comes_back_whole() {
    let mut bench = on_linux();
    let address = bench.listen();
    let clients: Vec<_> = (0..8_u8)
        .map(|salt| {
            thread::spawn(move || {
                let mut client = TcpStream::connect(address).unwrap();
                let sent: Vec<u8> = (0..300_000_u32)
                    .map(|at| (at / 7).to_le_bytes()[0] ^ salt)
                    .collect();
                let mut writer = client.try_clone().unwrap();
                let message = sent.clone();
                let writing = thread::spawn(move || {
                    writer.write_all(&message).unwrap();
                    writer.shutdown(Shutdown::Write).unwrap();
                });
                let mut got = Vec::new();
                client.read_to_end(&mut got).unwrap();
                writing.join().unwrap();
                assert!(got == sent, "client {salt}: the echo differs");
            })
        })
        .collect();
    let mut echoed = std::collections::HashMap::<Token, usize>::new();
    let mut ended = Vec::new();
    bench.until("all closed", |bench| {
        for token in bench.opened() {
            let frames = bench.frames(token);
            let done = echoed.entry(token).or_default();
            for frame in &frames[*done..] {
                match bench.reactor.write(token, frame, false) {
                    Ok(_) | Err(WriteError::Closed) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            *done = frames.len();
            if bench.ended(token) && !ended.contains(&token) {
                bench.reactor.end(token);
                ended.push(token);
            }
        }
        let closed = |token: &Token| bench.closed(*token) == Some(CloseReason::Ended);
        bench.opened().len() == 8 && bench.opened().iter().all(closed)
    });
    for client in clients {
        client.join().unwrap();
    }
}

/// epoll_wait(2) refuses a wait for zero events with EINVAL, so every turn would fail.
#[test]
fn a_reactor_for_zero_events_takes_one() {
    let mut reactor = Reactor::open(0, Budget::default()).expect("descriptors");
    let mut inbox = RecordingInbox::new(8, 1);
    assert_eq!(reactor.turn(Some(Duration::ZERO), &mut inbox), Ok(false));
}

/// The reactor serves Internet sockets only. It refuses any other address before it opens a socket.
#[test]
fn an_address_of_another_family_is_refused() {
    let mut bench = on_linux();
    for address in [Address::Unix(b"/nowhere".to_vec()), Address::Unspecified] {
        let refused = bench
            .reactor
            .listen(address.clone(), ListenOptions::default());
        let listening = refused.map_err(|failure| (failure.call, failure.errno));
        assert_eq!(listening, Err((Call::Socket, Errno::EAFNOSUPPORT)));
        let refused = bench.reactor.connect(address, ConnectOptions::default());
        let connecting = refused.map_err(|failure| (failure.call, failure.errno));
        assert_eq!(connecting, Err((Call::Connect, Errno::EAFNOSUPPORT)));
    }
}
