//! Pollers that watch pollers: what the kernel allows, and what it refuses.
use std::os::fd::AsRawFd;

use edgepoll::readiness::{Poller, Refusal};
use edgepoll::Errno;

use crate::poller::Watch;
use crate::{alone, looked, pipe, raw, read, write, IN};

#[test]
fn hazard_12_nested_poller_is_ready_as_long_as_the_inner_one_has_events() {
    let _alone = alone();
    let mut inner = Poller::new(1).unwrap();
    let mut outer = Poller::new(8).unwrap();
    let nested = outer.watch(inner.as_raw_fd(), IN).unwrap();
    let pipes = [pipe(), pipe(), pipe()];
    let mut tokens = pipes
        .each_ref()
        .map(|(reader, _)| inner.watch(raw(reader), IN | edgepoll::readiness::bits::EDGE))
        .map(Result::unwrap);
    assert_eq!(looked(&mut outer), []);
    for (_, writer) in &pipes {
        write(writer);
    }
    // The inner one tells one at a time: the outer one must say so until the last.
    let mut told = Vec::new();
    for _ in 0..3 {
        assert_eq!(looked(&mut outer), [(nested, IN)]);
        told.extend(looked(&mut inner).iter().map(|(token, _)| *token));
    }
    told.sort_unstable();
    tokens.sort_unstable();
    assert_eq!(told, tokens);
    assert_eq!(looked(&mut outer), []);
    for (reader, _) in &pipes {
        assert_eq!(read(reader), 1);
    }
}

#[test]
fn hazard_12_nested_in_a_circle_or_too_deep_is_refused_and_nothing_is_left() {
    let _alone = alone();
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
    assert_eq!(token.index, 0, "the refused one left its slot");
    write(&writer);
    assert_eq!(looked(&mut second), [(token, IN)]);

    // Deeper and deeper, until the kernel has enough.
    let mut chain = vec![Poller::new(8).unwrap()];
    let refusal = loop {
        let mut next = Poller::new(8).unwrap();
        match next.watch(chain.last().unwrap().as_raw_fd(), IN) {
            Ok(_) => chain.push(next),
            Err(refusal) => break refusal,
        }
        assert!(chain.len() < 100, "the kernel never had enough");
    };
    assert_eq!(refusal, Refusal::Kernel(Errno::ELOOP));
    assert!(chain.len() <= 6, "{}", chain.len());
}
