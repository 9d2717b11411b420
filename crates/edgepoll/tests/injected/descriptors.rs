//! Pollers of each engine, and the descriptors that the core makes: each is made, used and closed, five times. An error ends what it
//! concerns, and is noted.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use edgepoll::descriptor::message::{self, Ancillary, ReceiveOptions};
use edgepoll::descriptor::{
    self, inotify, kind, signal, socket, Source, Space, TransferMethods, When,
};
use edgepoll::readiness::{bits, EngineKind, Poller, Refusal};
use edgepoll::{Address, Errno, Token};

use crate::mark;

const ROUNDS: usize = 5;

pub(crate) fn run() -> String {
    let mut errors = Vec::new();
    mark();
    for _ in 0..ROUNDS {
        for engine in [EngineKind::Epoll, EngineKind::Poll, EngineKind::Select] {
            note(&mut errors, "poller", watch(engine));
        }
        note(&mut errors, "pipe", pass_through_a_pipe());
        note(&mut errors, "eventfd", count());
        note(&mut errors, "timerfd", wait_for_time());
        note(&mut errors, "signalfd", catch());
        note(&mut errors, "inotify", watch_a_folder());
        note(&mut errors, "pidfd", find_this_process());
        note(&mut errors, "message", pass_a_descriptor());
        note(&mut errors, "socket", connect_to_ourselves());
    }
    mark();
    format!("\"errors\":{errors:?}")
}

fn note(errors: &mut Vec<String>, what: &str, result: Result<(), Errno>) {
    if let Err(errno) = result {
        errors.push(format!("{what} {errno:?}"));
    }
}

fn refused(refusal: Refusal) -> Errno {
    match refusal {
        Refusal::Kernel(errno) => errno,
        // The look at it failed as if it were closed.
        Refusal::Closed => Errno::EBADF,
        other => panic!("{other}"),
    }
}

/// What is ready. An interrupted look finds nothing, and the next one finds it.
fn look(poller: &mut Poller) -> Result<Vec<Token>, Errno> {
    let mut found = Vec::new();
    for _ in 0..2 {
        if found.is_empty() {
            poller.try_wait(8, |event| found.push(event.token))?;
        }
    }
    Ok(found)
}

/// Watches a pipe: its bytes, a changed interest, and its end.
#[allow(unsafe_code, reason = "a registration by number")]
fn watch(engine: EngineKind) -> Result<(), Errno> {
    let (reader, writer) = descriptor::pipe()?;
    let mut poller = Poller::with_kind(engine, 8).map_err(refused)?;
    // SAFETY: the pipe is open until after the poller's last wait.
    let token = unsafe { poller.register(reader.as_raw_fd(), bits::READABLE) }.map_err(refused)?;
    let methods = TransferMethods::new();
    descriptor::write(writer.as_fd(), &Source::from(&b"bytes"[..]), &methods)?;
    assert_eq!(look(&mut poller)?, [token]);
    poller
        .modify(token, bits::READABLE | bits::ONESHOT)
        .map_err(refused)?;
    assert_eq!(look(&mut poller)?, [token]);
    poller.rearm(token).map_err(refused)?;
    assert_eq!(look(&mut poller)?, [token]);
    poller.unregister(token)?;
    let copy = poller
        .register_duplicate(reader.as_fd(), bits::READABLE)
        .map_err(refused)?;
    poller.unregister(copy)
}

fn pass_through_a_pipe() -> Result<(), Errno> {
    let (reader, writer) = descriptor::pipe()?;
    let methods = TransferMethods::new();
    descriptor::write(writer.as_fd(), &Source::from(&b"bytes"[..]), &methods)?;
    let mut bytes = [0; 8];
    let length = descriptor::read(reader.as_fd(), &Space::from(&mut bytes[..]), &methods)?;
    assert_eq!(&bytes[..length], b"bytes");
    kind::link(reader.as_fd())?;
    let copy = descriptor::duplicate(reader.as_fd())?;
    descriptor::close(copy)
}

fn count() -> Result<(), Errno> {
    let counter = descriptor::eventfd(1, false)?;
    descriptor::add_to_counter(counter.as_fd(), 2)?;
    assert_eq!(descriptor::take_counter(counter.as_fd())?, 3);
    Ok(())
}

fn wait_for_time() -> Result<(), Errno> {
    let timer = descriptor::timerfd(libc::CLOCK_MONOTONIC)?;
    descriptor::arm(timer.as_fd(), When::After(1_000_000_000), 0)?;
    assert!(descriptor::remaining(timer.as_fd())? > 0);
    descriptor::disarm(timer.as_fd())
}

fn catch() -> Result<(), Errno> {
    let (fd, _caught) = signal::signalfd(&[libc::SIGUSR2])?;
    match signal::next(fd.as_fd()) {
        Err(Errno::EAGAIN) => Ok(()),
        other => other.map(drop),
    }
}

fn watch_a_folder() -> Result<(), Errno> {
    let fd = inotify::inotify()?;
    let watch = inotify::add(fd.as_fd(), "/tmp", libc::IN_DELETE_SELF)?;
    inotify::remove(fd.as_fd(), watch)?;
    match inotify::next(fd.as_fd()) {
        Err(Errno::EAGAIN) => Ok(()),
        other => other.map(drop),
    }
}

fn find_this_process() -> Result<(), Errno> {
    let own = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
    let fd = descriptor::pidfd(own)?;
    // Signal 0 asks only whether it could be sent.
    descriptor::signal_process(fd.as_fd(), 0)
}

fn pass_a_descriptor() -> Result<(), Errno> {
    let (one, other) = socket::pair(libc::AF_UNIX, libc::SOCK_DGRAM, 0)?;
    let passed = [one.as_fd()];
    let ancillary = Ancillary {
        descriptors: &passed,
        ..Ancillary::default()
    };
    message::send(one.as_fd(), &Source::from(&b"here"[..]), None, ancillary)?;
    let mut bytes = [0; 8];
    let options = ReceiveOptions {
        unix: true,
        descriptors: 1,
        ..ReceiveOptions::default()
    };
    let got = message::receive(other.as_fd(), &Space::from(&mut bytes[..]), options)?;
    assert_eq!(
        (&bytes[..got.length], got.descriptors.len()),
        (&b"here"[..], 1)
    );
    Ok(())
}

fn connect_to_ourselves() -> Result<(), Errno> {
    let open = || -> Result<OwnedFd, Errno> { socket::open(libc::AF_INET, libc::SOCK_STREAM, 0) };
    let listener = open()?;
    socket::set_option(
        listener.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_REUSEADDR,
        &1_i32.to_ne_bytes(),
    )?;
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    socket::bind(listener.as_fd(), &Address::from(any))?;
    socket::listen(listener.as_fd(), 8)?;
    let address = socket::name(listener.as_fd(), false)?.ok_or(Errno::EINVAL)?;
    let client = open()?;
    socket::connect(client.as_fd(), &address)?;
    let (accepted, _) = socket::accept(listener.as_fd())?;
    socket::name(accepted.as_fd(), true)?;
    socket::option(accepted.as_fd(), libc::SOL_SOCKET, libc::SO_ERROR)?;
    let methods = TransferMethods::new();
    descriptor::write(accepted.as_fd(), &Source::from(&b"hello"[..]), &methods)?;
    socket::shutdown(accepted.as_fd(), libc::SHUT_WR)?;
    let mut bytes = [0; 8];
    let length = descriptor::read(client.as_fd(), &Space::from(&mut bytes[..]), &methods)?;
    assert_eq!(&bytes[..length], b"hello");
    Ok(())
}
