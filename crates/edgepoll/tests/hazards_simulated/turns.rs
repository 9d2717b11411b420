//! The order of a turn: listeners, then connections that were quiet, then those that had their share. And its length.
use std::time::Duration;

use edgepoll::kernel::simulated::Peer;
use edgepoll::kernel::Kernel;
use edgepoll::reactor::{Budget, ListenOptions};
use edgepoll::Token;

use crate::framing::{clients_of_lines, lines};
use crate::inbox::Item;
use crate::{address, without_faults, Bench, MILLISECOND};

fn frames_of_turn(bench: &Bench, of: Token) -> usize {
    let is_of = |item: &&Item| matches!(item, Item::Frame(token, _) if *token == of);
    bench.inbox.items.iter().filter(is_of).count()
}

/// Lets each of them have much more to say than a turn takes, and gives each of them its share.
fn flood(bench: &mut Bench, flooders: &[(Peer, Token)]) {
    for (peer, _) in flooders {
        bench.kernel().peer_send(*peer, &b"line\n".repeat(10_000));
    }
    for _ in 0..10 {
        bench.turn(Some(Duration::ZERO));
    }
}

#[test]
fn a_turn_is_shared_equally_by_connections_that_become_ready_together() {
    let (mut bench, clients) = clients_of_lines(Budget::default(), 201);
    let (quiet, flooders) = clients.split_last().unwrap();
    for (peer, _) in flooders {
        bench.kernel().peer_send(*peer, &b"line\n".repeat(1_000));
    }
    bench.kernel().peer_send(quiet.0, b"hello\n");
    let delivered = bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.frames(quiet.1), [b"hello"], "the last one of all");
    for (_, token) in flooders {
        assert_eq!(bench.frames(*token).len(), 5, "1,024 for 201");
    }
    assert_eq!(delivered, 200 * 5 + 1);
}

#[test]
fn a_connection_that_had_its_share_comes_after_quiet_ones_although_its_socket_was_emptied() {
    let mut bench = without_faults(Budget::default(), 65_536);
    bench.listen(ListenOptions::default());
    let clients: Vec<_> = (0..100).map(|_| bench.client()).collect();
    let (quiet, busy) = clients.split_last().unwrap();
    for turn in 1..=20 {
        for (peer, _) in busy {
            bench.kernel().peer_send(*peer, &[7; 20_000]);
        }
        bench.kernel().peer_send(quiet.0, b"hello");
        bench.turn(Some(Duration::ZERO));
        let first = bench.inbox.items.first();
        let is_quiet = matches!(first, Some(Item::Frame(token, _)) if *token == quiet.1);
        assert!(turn == 1 || is_quiet, "turn {turn}: it comes after others");
    }
    for (_, token) in busy {
        assert!(bench.bytes(*token).len() >= 20_000, "a busy one starves");
    }
}

#[test]
fn a_busy_connection_is_quiet_again_after_a_second() {
    let mut bench = without_faults(Budget::default(), 65_536);
    bench.listen(ListenOptions::default());
    let clients: Vec<_> = (0..2).map(|_| bench.client()).collect();
    let first_of = |bench: &mut Bench| {
        // The busy one becomes ready first.
        for (peer, _) in &clients {
            bench.kernel().peer_send(*peer, b"hello");
            bench.kernel().advance(1);
        }
        bench.turn(Some(Duration::ZERO));
        match bench.inbox.items.first() {
            Some(Item::Frame(token, _)) => *token,
            other => panic!("{other:?}"),
        }
    };
    let peer = clients[0].0;
    bench.kernel().peer_send(peer, &[7; 40_000]);
    bench.run_until_idle();
    assert_eq!(first_of(&mut bench), clients[1].1);
    bench.kernel().peer_send(peer, &[7; 40_000]);
    bench.run_until_idle();
    bench.kernel().advance(1_010 * MILLISECOND);
    bench.reactor.tick();
    assert_eq!(first_of(&mut bench), clients[0].1);
}

#[test]
fn a_new_client_is_served_in_the_turn_after_its_accept_however_many_are_busy() {
    let (mut bench, flooders) = clients_of_lines(Budget::default(), 3_000);
    flood(&mut bench, &flooders);
    assert!(bench.reactor.has_work(), "they have more to do");
    let peer = bench.kernel().dial(address()).unwrap();
    bench.kernel().peer_send(peer, b"hello\n");
    bench.turn(Some(Duration::ZERO));
    let token = *bench.opened().last().unwrap();
    assert_eq!(bench.kernel().peer_of(token), Some(peer), "not accepted");
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.frames(token), [b"hello"], "its first line waits");
}

#[test]
fn clients_in_an_endless_backlog_are_accepted_in_every_turn_and_delay_nobody() {
    let (mut bench, flooders) = clients_of_lines(Budget::default(), 500);
    let (peer, token) = bench.client();
    flood(&mut bench, &flooders);
    for _ in 0..3_000 {
        bench.kernel().dial(address()).unwrap();
    }
    for turn in 1..=40 {
        bench.kernel().peer_send(peer, b"hello\n");
        let before = bench.opened().len();
        bench.turn(Some(Duration::ZERO));
        assert_eq!(bench.opened().len(), before + 64, "turn {turn}");
        assert_eq!(bench.frames(token).len(), turn, "a line waits");
        let of_busy = flooders
            .iter()
            .any(|(_, busy)| frames_of_turn(&bench, *busy) > 0);
        assert!(of_busy, "turn {turn}: the busy ones starve");
    }
}

#[test]
fn listeners_that_fill_the_inbox_do_not_keep_connections_from_being_served() {
    let mut bench = without_faults(Budget::default(), 65_536);
    bench.listen(lines(100));
    let (peer, token) = bench.client();
    for _ in 0..100 {
        bench.kernel().dial(address()).unwrap();
    }
    // It has room for one event, or for the frames of one connection.
    bench.inbox = crate::inbox::RecordingInbox::new(8, 65_536);
    bench.kernel().peer_send(peer, b"hello\n");
    bench.turn(Some(Duration::ZERO));
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.frames(token), [b"hello"]);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.opened().len(), 3, "accepting goes on");
}

#[test]
fn a_long_batch_makes_the_next_turns_shorter() {
    let (mut bench, flooders) = clients_of_lines(Budget::default(), 100);
    flood(&mut bench, &flooders);
    assert_eq!(bench.turn(Some(Duration::ZERO)), 256);
    // The owner works for 10 ms on each batch.
    let mut last = 256;
    for _ in 0..10 {
        bench.kernel().advance(10 * MILLISECOND);
        bench.reactor.tick();
        bench.reactor.batch_handled();
        let delivered = bench.turn(Some(Duration::ZERO));
        assert!(delivered <= last, "{delivered} after {last}");
        last = delivered;
    }
    assert_eq!(last, 4, "a 64th");
    for _ in 0..10 {
        bench.reactor.batch_handled();
        last = bench.turn(Some(Duration::ZERO));
    }
    assert_eq!(last, 256, "batches are short again");
}

#[test]
fn commands_after_an_idle_time_do_not_make_turns_shorter() {
    let (mut bench, clients) = clients_of_lines(Budget::default(), 100);
    let token = clients[0].1;
    for _ in 0..10 {
        bench.reactor.pause(token);
        bench.kernel().peer_send(clients[0].0, b"line\n");
        bench.run_until_idle();
        // The owner sleeps for 10 ms. Then it has work for the reactor, before the kernel reports anything.
        bench.kernel().advance(10 * MILLISECOND);
        bench.reactor.tick();
        bench.reactor.resume(token);
        assert!(bench.reactor.has_work());
        bench.run_until_idle();
    }
    for (peer, _) in &clients {
        bench.kernel().peer_send(*peer, &b"line\n".repeat(10_000));
    }
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.turn(Some(Duration::ZERO)), 256);
}

/// A line each 5 ms is more than its part if thousands send without an end. While it is served at once, it never has much to say.
#[test]
fn a_client_that_could_not_be_served_for_a_while_catches_up_at_once_although_thousands_are_busy() {
    let (mut bench, clients) = clients_of_lines(Budget::default(), 2_001);
    let (steady, flooders) = clients.split_last().unwrap();
    flood(&mut bench, flooders);
    bench.kernel().peer_send(steady.0, &b"line\n".repeat(100));
    let mut heard = 100;
    for _ in 0..50 {
        bench.kernel().peer_send(steady.0, b"line\n");
        heard += 1;
        bench.turn(Some(Duration::ZERO));
    }
    assert!(bench.reactor.has_work(), "the others have more to do");
    assert_eq!(bench.frames(steady.1).len(), heard);
}

/// The owner takes longer for a new connection than for a line. If only the lines of a turn became fewer, clients that send little would
/// fall behind.
#[test]
fn new_connections_that_take_the_owner_long_do_not_delay_lines() {
    const STEADY: usize = 20;
    let (mut bench, clients) = clients_of_lines(Budget::default(), 500 + STEADY);
    let (steady, flooders) = clients.split_at(STEADY);
    for (peer, _) in flooders {
        bench.kernel().peer_send(*peer, &b"line\n".repeat(10_000));
    }
    for _ in 0..4_000 {
        bench.kernel().dial(address()).unwrap();
    }
    let began = bench.kernel().now();
    let mut sent = 0;
    while bench.kernel().now() - began < 300 * MILLISECOND {
        let due = 1 + (bench.kernel().now() - began) / (5 * MILLISECOND);
        for _ in sent..due {
            for (peer, _) in steady {
                bench.kernel().peer_send(*peer, b"line\n");
            }
        }
        sent = due;
        let before = bench.opened().len();
        let frames = bench.turn(Some(Duration::ZERO)) as u64;
        let accepted = (bench.opened().len() - before) as u64;
        bench
            .kernel()
            .advance(accepted * MILLISECOND / 10 + frames * MILLISECOND / 50);
        bench.reactor.tick();
        bench.reactor.batch_handled();
    }
    for (_, token) in steady {
        let late = sent as usize - bench.frames(*token).len();
        assert!(late <= 4, "{late} lines wait");
    }
    let accepted = bench.opened().len() - clients.len();
    assert!(accepted > 500, "{accepted} clients were accepted");
}

#[test]
fn while_the_owner_is_behind_floods_wait_and_do_not_starve() {
    let (mut bench, clients) = clients_of_lines(Budget::default(), 101);
    let (quiet, flooders) = clients.split_last().unwrap();
    flood(&mut bench, flooders);
    bench.reactor.set_behind(true);
    let (mut skipped, mut served) = (0, 0);
    for turn in 1..=200 {
        bench.kernel().peer_send(quiet.0, b"line\n");
        let delivered = bench.turn(Some(Duration::ZERO));
        assert_eq!(bench.frames(quiet.1).len(), turn, "a quiet client waits");
        skipped += usize::from(delivered == 1);
        served += usize::from(delivered > 1);
    }
    assert!(skipped > 190, "{skipped} turns without a flood");
    assert!(served >= 3, "the floods starve");
    bench.reactor.set_behind(false);
    assert!(bench.turn(Some(Duration::ZERO)) > 1);
}
