//! Pollers that watch pollers: what the kernel allows, and what it refuses.
use std::os::fd::AsRawFd;

use edgepoll::readiness::{Poller, Refusal};
use edgepoll::Errno;

use crate::poller::Watch;
use crate::{pipe, raw, read, serial, try_wait, write, IN};

#[test]
fn hazard_12_nested_poller_is_ready_as_long_as_the_inner_one_has_events() {
    let _serial = serial();
    let mut inner = Poller::new(1).unwrap();
    let mut outer = Poller::new(8).unwrap();
    let nested = outer.watch(inner.as_raw_fd(), IN).unwrap();
    let pipes = [pipe(), pipe(), pipe()];
    let mut tokens = pipes
        .each_ref()
        .map(|(reader, _)| inner.watch(raw(reader), IN | edgepoll::readiness::bits::EDGE))
        .map(Result::unwrap);
    assert_eq!(try_wait(&mut outer), []);
    for (_, writer) in &pipes {
        write(writer);
    }
    // The inner poller reports one event in each wait. The outer poller must report it as ready until the last one.
    let mut reported = Vec::new();
    for _ in 0..3 {
        assert_eq!(try_wait(&mut outer), [(nested, IN)]);
        reported.extend(try_wait(&mut inner).iter().map(|(token, _)| *token));
    }
    reported.sort_unstable();
    tokens.sort_unstable();
    assert_eq!(reported, tokens);
    assert_eq!(try_wait(&mut outer), []);
    for (reader, _) in &pipes {
        assert_eq!(read(reader), 1);
    }
}

#[test]
fn hazard_12_nested_in_a_circle_or_too_deep_is_refused_and_nothing_is_left() {
    let _serial = serial();
    let mut first = Poller::new(8).unwrap();
    let mut second = Poller::new(8).unwrap();
    assert_eq!(
        first.watch(first.as_raw_fd(), IN),
        Err(Refusal::Kernel(Errno::EINVAL))
    );
    first.watch(second.as_raw_fd(), IN).unwrap();
    assert_eq!(
        second.watch(first.as_raw_fd(), IN),
        Err(Refusal::Kernel(Errno::ELOOP))
    );
    let (reader, writer) = pipe();
    let token = second.watch(raw(&reader), IN).unwrap();
    assert_eq!(token.index, 0, "the refused registration kept its slot");
    write(&writer);
    assert_eq!(try_wait(&mut second), [(token, IN)]);

    // Nests one poller more each time, until the kernel refuses.
    let mut chain = vec![Poller::new(8).unwrap()];
    let refusal = loop {
        let mut next = Poller::new(8).unwrap();
        match next.watch(chain.last().unwrap().as_raw_fd(), IN) {
            Ok(_) => chain.push(next),
            Err(refusal) => break refusal,
        }
        assert!(chain.len() < 100, "the kernel never refused");
    };
    assert_eq!(refusal, Refusal::Kernel(Errno::ELOOP));
    assert!(chain.len() <= 6, "{}", chain.len());
}
