//! The sleeper behind the poll and select engines: another thread makes descriptors ready, and orders, looks and
//! ends cross with that at every moment. No wake-up may be lost, and nobody may be woken after the end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/poller.rs"]
mod poller;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::thread::{spawn, JoinHandle};

use crate::poller::Watch;
use edgepoll::kernel::LinuxKernel;
use edgepoll::reactor::Reactor;
use edgepoll::readiness::{bits, EngineKind, Poller};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};

const KINDS: [EngineKind; 3] = [EngineKind::Epoll, EngineKind::Poll, EngineKind::Select];
const ROUNDS: u32 = 5000;

fn pipe() -> (OwnedFd, OwnedFd) {
    let flags = nix::fcntl::OFlag::O_CLOEXEC | nix::fcntl::OFlag::O_NONBLOCK;
    nix::unistd::pipe2(flags).unwrap()
}

/// A thread that writes one byte, some steps after each time that it was asked to.
fn waker(writer: OwnedFd) -> (Sender<u32>, JoinHandle<()>) {
    let (ask, asked): (Sender<u32>, Receiver<u32>) = channel();
    let thread = spawn(move || {
        for steps in asked {
            for _ in 0..steps {
                std::hint::spin_loop();
            }
            nix::unistd::write(&writer, b"x").unwrap();
        }
    });
    (ask, thread)
}

/// Waits for the announcement. Ten seconds: it is lost.
fn announced(poller: &Poller) -> bool {
    let mut fds = [PollFd::new(poller.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::from(10_000u16)).unwrap() == 1
}

fn look(poller: &mut Poller) -> usize {
    let mut count = 0;
    poller.try_wait(8, |_| count += 1).unwrap();
    count
}

/// Steps that differ from round to round: an order is given before, while and after the descriptor gets ready.
fn phase(round: u32) -> u32 {
    round.wrapping_mul(2_654_435_761) >> 19
}

#[test]
fn hazard_104_random_phase_no_wake_up_is_lost() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let (ask, thread) = waker(writer);
        let mut poller = Poller::with_kind(kind, 8).unwrap();
        poller
            .watch(std::os::fd::AsRawFd::as_raw_fd(&reader), bits::READABLE)
            .unwrap();
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                ask.send(phase(round)).unwrap();
            }
            poller.begin_wait().unwrap();
            if round % 2 == 1 {
                ask.send(phase(round)).unwrap();
            }
            // A look that finds nothing takes an announcement that was early; the order is then given anew.
            loop {
                assert!(announced(&poller), "{kind:?}, round {round}: lost");
                if look(&mut poller) > 0 {
                    break;
                }
                poller.begin_wait().unwrap();
            }
            nix::unistd::read(&reader, &mut [0; 8]).unwrap();
        }
        drop(ask);
        thread.join().unwrap();
    }
}

#[test]
fn hazard_106_already_woken_orders_and_looks_cross_with_the_wake_up() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let (other, _keep) = pipe();
        let (ask, thread) = waker(writer);
        let mut poller = Poller::with_kind(kind, 8).unwrap();
        let fd = |fd: &OwnedFd| std::os::fd::AsRawFd::as_raw_fd(fd);
        poller.watch(fd(&reader), bits::READABLE).unwrap();
        for round in 0..ROUNDS {
            poller.begin_wait().unwrap();
            ask.send(phase(round)).unwrap();
            // While it may just be awake: a new set for it, an order that says nothing new, a look that may be early.
            let token = poller.watch(fd(&other), bits::READABLE).unwrap();
            poller.begin_wait().unwrap();
            let mut found = look(&mut poller);
            poller.unregister(token).unwrap();
            poller.begin_wait().unwrap();
            while found == 0 {
                assert!(announced(&poller), "{kind:?}, round {round}: lost");
                found = look(&mut poller);
                poller.begin_wait().unwrap();
            }
            nix::unistd::read(&reader, &mut [0; 8]).unwrap();
        }
        drop(ask);
        thread.join().unwrap();
    }
}

#[test]
fn hazard_105_shutdown_while_it_sleeps_and_while_it_wakes() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let (ask, thread) = waker(writer);
        for round in 0..ROUNDS / 5 {
            let mut poller = Poller::with_kind(kind, 8).unwrap();
            poller
                .watch(std::os::fd::AsRawFd::as_raw_fd(&reader), bits::READABLE)
                .unwrap();
            poller.begin_wait().unwrap();
            ask.send(phase(round)).unwrap();
            if round % 2 == 0 {
                assert!(announced(&poller), "{kind:?}, round {round}: lost");
            }
            drop(poller);
            // The numbers are somebody else's now: what their owner did not write nobody wrote.
            let (next_reader, _next_writer) = pipe();
            let (last_reader, _last_writer) = pipe();
            for stranger in [&next_reader, &last_reader] {
                let nothing = nix::unistd::read(stranger, &mut [0; 8]);
                assert_eq!(
                    nothing,
                    Err(nix::errno::Errno::EAGAIN),
                    "{kind:?}, round {round}"
                );
            }
            let mut fds = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
            assert_eq!(poll(&mut fds, PollTimeout::from(10_000u16)), Ok(1));
            nix::unistd::read(&reader, &mut [0; 8]).unwrap();
        }
        drop(ask);
        thread.join().unwrap();
    }
}

/// Compiles only while two threads cannot hold the same poller: for a type that is `Sync` both implementations
/// below fit, and the compiler cannot choose.
#[test]
fn hazard_107_another_thread_a_poller_is_not_shared() {
    trait NotSync<Which> {
        fn holds() {}
    }
    struct ForAll;
    struct ForSync;
    impl<T: ?Sized> NotSync<ForAll> for T {}
    impl<T: ?Sized + Sync> NotSync<ForSync> for T {}
    <Poller as NotSync<_>>::holds();
    <Reactor<LinuxKernel> as NotSync<_>>::holds();
}
