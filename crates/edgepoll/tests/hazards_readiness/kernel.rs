//! What the kernel does with tokens of 64 bits, and how wake-ups and reports combine.
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use edgepoll::kernel::epoll::{Epoll, EpollEvent, Operation};
use edgepoll::kernel::{Kernel, LinuxKernel};
use edgepoll::readiness::{bits, Poller};
use edgepoll::Token;

use crate::poller::Watch;
use crate::{pipe, raw, read, registered, serial, try_wait, write, IN, KINDS};

#[test]
fn hazard_14_token_keeps_all_its_bits_in_the_kernel() {
    let _serial = serial();
    for token in [u64::MAX, 1 << 63, 0x8000_0000, 0xffff_ffff_0000_0000, 0] {
        let epoll = Epoll::new().unwrap();
        let (reader, writer) = pipe();
        epoll
            .control(Operation::Add, reader.as_fd(), IN, token)
            .unwrap();
        assert_eq!(registered(epoll.as_raw_fd()), [(raw(&reader), token)]);
        write(&writer);
        let mut events = [EpollEvent { events: 0, u64: 1 }; 2];
        assert_eq!(epoll.try_wait(&mut events), Ok(1));
        let data = events[0].u64;
        assert_eq!(data, token);
        assert_eq!(Token::from_bits(data).to_bits(), token);
        epoll
            .control(Operation::Modify, reader.as_fd(), IN, !token)
            .unwrap();
        assert_eq!(registered(epoll.as_raw_fd()), [(raw(&reader), !token)]);
    }
}

#[test]
fn hazard_26_wake_ups_combine_and_never_block() {
    let _serial = serial();
    let mut kernel = LinuxKernel::new(8).unwrap();
    for _ in 0..3 {
        for _ in 0..200_000 {
            kernel.wake().unwrap();
        }
        let mut events = 0;
        // Without a timeout. The wait must return, because of the wake-ups.
        kernel.wait(None, &mut |_, _| events += 1).unwrap();
        assert_eq!(events, 0, "a wake-up is not an event");
    }
    let mut events = 0;
    kernel
        .wait(Some(Duration::ZERO), &mut |_, _| events += 1)
        .unwrap();
    assert_eq!(events, 0);
}

#[test]
fn hazard_27_hang_up_alone_is_reported_by_every_engine() {
    let _serial = serial();
    for kind in KINDS {
        let mut poller = Poller::with_kind(kind, 8).unwrap();
        let (reader, writer) = pipe();
        let token = poller.watch(raw(&reader), IN).unwrap();
        assert_eq!(try_wait(&mut poller), []);
        drop(writer);
        assert_eq!(try_wait(&mut poller), [(token, bits::HANGUP)], "{kind:?}");
        assert_eq!(read(&reader), 0);
    }
}

#[test]
fn hazard_40_ten_writes_are_one_event_by_every_engine() {
    let _serial = serial();
    for kind in KINDS {
        let mut poller = Poller::with_kind(kind, 8).unwrap();
        let (reader, writer) = pipe();
        let token = poller.watch(raw(&reader), IN).unwrap();
        for _ in 0..10 {
            write(&writer);
        }
        assert_eq!(try_wait(&mut poller), [(token, IN)], "{kind:?}");
        assert_eq!(read(&reader), 10);
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
        assert_eq!(poller.counters().events, 1);
    }
}

#[test]
fn room_for_more_events_than_memory_holds_is_accepted() {
    let _serial = serial();
    for room in [usize::MAX, usize::MAX / size_of::<EpollEvent>(), 1 << 28] {
        let mut kernel = LinuxKernel::new(room).unwrap();
        kernel.wait(Some(Duration::ZERO), &mut |_, _| {}).unwrap();
        for kind in KINDS {
            let mut poller = Poller::with_kind(kind, room).unwrap();
            let (reader, writer) = pipe();
            poller.watch(raw(&reader), IN).unwrap();
            write(&writer);
            assert_eq!(poller.try_wait(room, |_| {}).unwrap().events, 1);
        }
    }
}
