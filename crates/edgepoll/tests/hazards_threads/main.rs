//! The thread that waits for the poll and select engines. Another thread makes descriptors ready while the test begins waits,
//! takes events and drops pollers, at every phase. No wake-up may be lost, and nothing may be written after a poller is
//! dropped.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/poller.rs"]
mod poller;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::thread::{spawn, JoinHandle};

use edgepoll::kernel::LinuxKernel;
use edgepoll::reactor::Reactor;
use edgepoll::readiness::{bits, Poller};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};

use poller::{pipe, Watch, KINDS};

const ROUNDS: u32 = 5000;

/// A thread that writes one byte for each number that it receives, after so many steps.
fn waker(writer: OwnedFd) -> (Sender<u32>, JoinHandle<()>) {
    let (delays, received): (Sender<u32>, Receiver<u32>) = channel();
    let thread = spawn(move || {
        for steps in received {
            for _ in 0..steps {
                std::hint::spin_loop();
            }
            nix::unistd::write(&writer, b"x").unwrap();
        }
    });
    (delays, thread)
}

/// Waits until the poller's descriptor is readable. After ten seconds the wake-up counts as lost.
fn announced(poller: &Poller) -> bool {
    let mut fds = [PollFd::new(poller.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::from(10_000u16)).unwrap() == 1
}

fn try_wait(poller: &mut Poller) -> usize {
    let mut count = 0;
    poller.try_wait(8, |_| count += 1).unwrap();
    count
}

/// A number of steps that differs from round to round, so that the descriptor gets ready before, during and after
/// `begin_wait`.
fn phase(round: u32) -> u32 {
    round.wrapping_mul(2_654_435_761) >> 19
}

#[test]
fn hazard_104_random_phase_no_wake_up_is_lost() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let (delays, thread) = waker(writer);
        let mut poller = Poller::with_kind(kind, 8).unwrap();
        poller
            .watch(std::os::fd::AsRawFd::as_raw_fd(&reader), bits::READABLE)
            .unwrap();
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                delays.send(phase(round)).unwrap();
            }
            poller.begin_wait().unwrap();
            if round % 2 == 1 {
                delays.send(phase(round)).unwrap();
            }
            // A wait that finds no event takes a wake-up that came too early. The test then begins the wait again.
            loop {
                assert!(announced(&poller), "{kind:?}, round {round}: lost");
                if try_wait(&mut poller) > 0 {
                    break;
                }
                poller.begin_wait().unwrap();
            }
            nix::unistd::read(&reader, &mut [0; 8]).unwrap();
        }
        drop(delays);
        thread.join().unwrap();
    }
}

#[test]
fn hazard_106_already_woken_orders_and_looks_cross_with_the_wake_up() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let (other, _keep) = pipe();
        let (delays, thread) = waker(writer);
        let mut poller = Poller::with_kind(kind, 8).unwrap();
        let fd = |fd: &OwnedFd| std::os::fd::AsRawFd::as_raw_fd(fd);
        poller.watch(fd(&reader), bits::READABLE).unwrap();
        for round in 0..ROUNDS {
            poller.begin_wait().unwrap();
            delays.send(phase(round)).unwrap();
            // The thread may be waking up meanwhile. It gets another set of descriptors, then the same set again, and events
            // are taken early.
            let token = poller.watch(fd(&other), bits::READABLE).unwrap();
            poller.begin_wait().unwrap();
            let mut found = try_wait(&mut poller);
            poller.unregister(token).unwrap();
            poller.begin_wait().unwrap();
            while found == 0 {
                assert!(announced(&poller), "{kind:?}, round {round}: lost");
                found = try_wait(&mut poller);
                poller.begin_wait().unwrap();
            }
            nix::unistd::read(&reader, &mut [0; 8]).unwrap();
        }
        drop(delays);
        thread.join().unwrap();
    }
}

#[test]
fn hazard_105_shutdown_while_it_sleeps_and_while_it_wakes() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let (delays, thread) = waker(writer);
        for round in 0..ROUNDS / 5 {
            let mut poller = Poller::with_kind(kind, 8).unwrap();
            poller
                .watch(std::os::fd::AsRawFd::as_raw_fd(&reader), bits::READABLE)
                .unwrap();
            poller.begin_wait().unwrap();
            delays.send(phase(round)).unwrap();
            if round % 2 == 0 {
                assert!(announced(&poller), "{kind:?}, round {round}: lost");
            }
            drop(poller);
            // These pipes get the numbers that the dropped poller had. The thread must not write to them any more.
            let (next_reader, _next_writer) = pipe();
            let (last_reader, _last_writer) = pipe();
            for reused in [&next_reader, &last_reader] {
                let nothing = nix::unistd::read(reused, &mut [0; 8]);
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
        drop(delays);
        thread.join().unwrap();
    }
}

/// Compiles only if two threads cannot share a poller. For a type that is `Sync`, both implementations below would fit, and
/// the compiler could not choose one.
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
