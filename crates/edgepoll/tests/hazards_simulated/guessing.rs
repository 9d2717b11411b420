//! Guesses of the next ready connection: they save waits, do not starve other connections and lose nothing.
use edgepoll::connection::CloseReason;
use edgepoll::kernel::simulated::Peer;
use edgepoll::reactor::Budget;
use edgepoll::{Call, Errno, Token};

use crate::Bench;

/// Two turns in which this connection is the only ready one. After them the reactor guesses it.
fn train_guess(bench: &mut Bench, peer: Peer) {
    for _ in 0..2 {
        bench.kernel().peer_send(peer, b"ping");
        bench.announced_turn();
    }
}

fn calls_of_a_turn(bench: &mut Bench) -> u64 {
    let before = bench.kernel().calls();
    bench.announced_turn();
    bench.kernel().calls() - before
}

fn pair() -> (Bench, Peer, Token) {
    Bench::pair(Budget::default(), 65_536)
}

#[test]
fn ping_pong_is_a_receive_and_mostly_no_wait() {
    let (mut bench, peer, token) = pair();
    train_guess(&mut bench, peer);
    let mut calls = 0;
    for _ in 0..170 {
        bench.kernel().peer_send(peer, b"ping");
        calls += calls_of_a_turn(&mut bench);
    }
    assert_eq!(calls, 170 + 10, "a receive each, and a wait for every 17th");
    assert_eq!(bench.bytes(token), b"ping".repeat(172));
}

#[test]
fn other_connections_wait_sixteen_turns_at_most() {
    let (mut bench, chatty, _) = pair();
    let (other, token) = bench.client();
    train_guess(&mut bench, chatty);
    bench.kernel().peer_send(other, b"me too");
    let mut turns = 0;
    while bench.bytes(token).is_empty() {
        bench.kernel().peer_send(chatty, b"ping");
        bench.announced_turn();
        turns += 1;
        assert!(turns <= 17, "the other connection starves");
    }
    assert_eq!(bench.bytes(token), b"me too");
}

#[test]
fn a_wrong_guess_costs_one_receive_and_is_not_repeated() {
    let (mut bench, chatty, _) = pair();
    let (other, token) = bench.client();
    train_guess(&mut bench, chatty);
    bench.kernel().peer_send(other, b"1");
    assert_eq!(
        calls_of_a_turn(&mut bench),
        3,
        "the guess, the wait, the receive"
    );
    bench.kernel().peer_send(other, b"2");
    assert_eq!(calls_of_a_turn(&mut bench), 2, "no guess");
    assert_eq!(bench.bytes(token), b"12");
}

#[test]
fn an_end_after_guessed_bytes_is_reported() {
    let (mut bench, peer, token) = pair();
    train_guess(&mut bench, peer);
    bench.kernel().peer_send(peer, b"last words");
    bench.kernel().peer_finish(peer);
    bench.announced_turn();
    assert!(bench.bytes(token).ends_with(b"last words"));
    bench.run_until_idle();
    assert!(bench.ended(token));
}

#[test]
fn a_reset_after_guessed_bytes_is_no_clean_end() {
    let (mut bench, peer, token) = pair();
    train_guess(&mut bench, peer);
    bench.kernel().peer_send(peer, b"last words");
    bench.kernel().peer_reset(peer);
    bench.announced_turn();
    bench.run_until_idle();
    assert!(bench.bytes(token).ends_with(b"last words"));
    assert!(!bench.ended(token));
    let Some(CloseReason::Failed(failure)) = bench.closed(token) else {
        panic!("closed as {:?}", bench.closed(token));
    };
    assert_eq!(
        (failure.call, failure.errno),
        (Call::Receive, Errno::ECONNRESET)
    );
}

#[test]
fn a_paused_connection_is_not_guessed() {
    let (mut bench, peer, token) = pair();
    train_guess(&mut bench, peer);
    bench.reactor.pause(token);
    let calls = bench.kernel().view(peer).calls;
    bench.kernel().peer_send(peer, b"later");
    bench.announced_turn();
    assert_eq!(bench.kernel().view(peer).calls, calls);
    assert!(!bench.bytes(token).ends_with(b"later"));
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert!(bench.bytes(token).ends_with(b"later"));
}

#[test]
fn the_next_connection_in_a_slot_is_not_guessed() {
    let (mut bench, peer, token) = pair();
    train_guess(&mut bench, peer);
    bench.reactor.destroy(token);
    // A turn that reports a close makes no guess.
    bench.announced_turn();
    let (next_peer, next) = bench.client();
    assert_eq!(next.index, token.index);
    let calls = bench.kernel().view(next_peer).calls;
    bench.announced_turn();
    assert_eq!(bench.kernel().view(next_peer).calls, calls);
}

#[test]
fn work_that_is_left_comes_before_a_guess() {
    let (mut bench, chatty, _) = pair();
    let (other, token) = bench.client();
    bench.reactor.pause(token);
    bench.kernel().peer_send(other, b"waiting");
    bench.run_until_idle();
    train_guess(&mut bench, chatty);
    bench.reactor.resume(token);
    bench.kernel().peer_send(chatty, b"ping");
    bench.announced_turn();
    assert_eq!(bench.bytes(token), b"waiting");
}
