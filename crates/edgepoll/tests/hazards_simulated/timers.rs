//! The timers of sessions: when they expire, what follows, and what they cost.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::kernel::simulated::{Outcome, Peer};
use edgepoll::kernel::Kernel;
use edgepoll::protocol::{Error, ErrorKind, Factory, Fault, Io, Protocol, Role, Session, Step};
use edgepoll::reactor::{Budget, ConnectOptions, ListenOptions};
use edgepoll::{Errno, Token};

use crate::{address, without_faults, Bench, MILLISECOND};

/// Timers that peer and owner set. Each has another effect when it expires.
const SAYS: u8 = 0;
const AGAIN: u8 = 1;
const ENDS: u8 = 2;
const FAILS: u8 = 3;

/// Each three bytes of the peer and each message of the owner set a timer: its number, and the milliseconds (two bytes, big endian; 65,535
/// clears it).
struct Ticking {
    calls: Rc<Cell<u32>>,
    at_start: Option<u32>,
}

struct TickingSession {
    calls: Rc<Cell<u32>>,
    at_start: Option<u32>,
}

impl Protocol for Ticking {
    type Session = TickingSession;
    const NAME: &'static str = "ticking";

    fn session(&self, _role: Role) -> TickingSession {
        TickingSession {
            calls: Rc::clone(&self.calls),
            at_start: self.at_start,
        }
    }
}

fn command(timer: u8, milliseconds: u16) -> [u8; 3] {
    let [high, low] = milliseconds.to_be_bytes();
    [timer, high, low]
}

fn clear(timer: u8) -> [u8; 3] {
    command(timer, u16::MAX)
}

fn follow(body: &[u8], io: &mut Io<'_>) {
    for command in body.chunks_exact(3) {
        match u16::from_be_bytes([command[1], command[2]]) {
            u16::MAX => io.clear_timer(command[0]),
            milliseconds => io.set_timer(command[0], u32::from(milliseconds)),
        }
    }
}

impl Session for TickingSession {
    const ENCODES: bool = true;

    fn start(&mut self, io: &mut Io<'_>) -> Result<(), Error> {
        if let Some(milliseconds) = self.at_start {
            io.set_timer(SAYS, milliseconds);
        }
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        if input.len() < 3 {
            return Ok(Step::Need(3));
        }
        follow(&input[..3], io);
        Ok(Step::Skip(3))
    }

    fn encode(&mut self, _kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        follow(body, io);
        Ok(())
    }

    fn timer(&mut self, timer: u8, io: &mut Io<'_>) -> Result<(), Error> {
        self.calls.set(self.calls.get() + 1);
        match timer {
            SAYS if io.is_held() => io.send(b"held"),
            SAYS => io.send(b"tick"),
            AGAIN => io.set_timer(AGAIN, 0),
            ENDS => {
                io.send(b"bye");
                io.end();
            }
            FAILS => return Err(Error::malformed("too slow")),
            _ => {}
        }
        Ok(())
    }
}

/// A listener of ticking connections, and how often their timers have expired.
fn ticking(limits: Limits, at_start: Option<u32>) -> (Bench, Rc<Cell<u32>>) {
    let mut bench = without_faults(Budget::default(), 1_000);
    let calls = Rc::new(Cell::new(0));
    bench.listen(ListenOptions {
        limits,
        protocol: Some(protocol(&calls, at_start)),
        ..ListenOptions::default()
    });
    (bench, calls)
}

fn protocol(calls: &Rc<Cell<u32>>, at_start: Option<u32>) -> Rc<Factory> {
    let calls = Rc::clone(calls);
    Rc::new(Factory::new(Ticking { calls, at_start }))
}

fn pair() -> (Bench, Rc<Cell<u32>>, Peer, Token) {
    let (mut bench, calls) = ticking(Limits::default(), None);
    let (peer, token) = bench.client();
    (bench, calls, peer, token)
}

impl Bench {
    fn tells(&mut self, peer: Peer, command: [u8; 3]) {
        self.kernel().peer_send(peer, &command);
        self.turn(Some(Duration::ZERO));
    }

    /// Lets so much time pass, and runs one turn.
    fn pass(&mut self, nanoseconds: u64) {
        self.kernel().advance(nanoseconds);
        self.turn(Some(Duration::ZERO));
    }

    fn heard(&mut self, peer: Peer) -> Vec<u8> {
        let mut got = Vec::new();
        self.kernel().peer_receive(peer, 1_000, &mut got);
        got
    }
}

/// The simulated clock goes on by this much in each wait.
const TURN: u64 = 1_000;

#[test]
fn a_timer_expires_once_in_the_first_turn_at_or_after_its_time() {
    for milliseconds in [1, 2, 63, 64, 65, 999, 4_095, 4_096, 60_000] {
        for early in [1, 10 * TURN, 900_000] {
            let (mut bench, calls, peer, _) = pair();
            bench.tells(peer, command(SAYS, milliseconds));
            bench.pass(u64::from(milliseconds) * MILLISECOND - TURN - early);
            assert_eq!(calls.get(), 0, "{early} ns early");
            bench.pass(early - 1);
            assert_eq!(calls.get(), 1);
            assert_eq!(bench.heard(peer), b"tick");
            bench.pass(100_000 * MILLISECOND);
            bench.assert_sleeps();
            assert_eq!(calls.get(), 1);
        }
    }
}

#[test]
fn a_sleeping_reactor_is_woken_for_each_timer() {
    let (mut bench, calls, peer, token) = pair();
    let start = bench.kernel().now();
    bench.tells(peer, command(SAYS, 5_000));
    let owner: Vec<u8> = [&b"k"[..], &command(FAILS, 9_000), &command(AGAIN, 7)].concat();
    assert_eq!(bench.reactor.write(token, &owner, false), Ok(0));
    bench.turn(None);
    assert_eq!(calls.get(), 1);
    let took = bench.kernel().now() - start;
    assert!(took < 8 * MILLISECOND, "{took}");
    bench
        .reactor
        .write(token, &[&b"k"[..], &clear(AGAIN)].concat(), false)
        .unwrap();
    for _ in 0..3 {
        bench.turn(None);
    }
    assert_eq!(bench.heard(peer), b"tick");
    assert!(bench.closed(token).is_some());
    let took = bench.kernel().now() - start;
    assert!((9_000..9_001).contains(&(took / MILLISECOND)), "{took}");
}

#[test]
fn a_timer_that_is_moved_or_cleared_does_not_expire_at_its_old_time() {
    let (mut bench, calls, peer, _) = pair();
    bench.tells(peer, command(SAYS, 50));
    bench.tells(peer, command(SAYS, 500));
    bench.pass(400 * MILLISECOND);
    assert_eq!(calls.get(), 0, "it was moved to a later time");
    bench.tells(peer, command(SAYS, 20));
    bench.pass(30 * MILLISECOND);
    assert_eq!(calls.get(), 1, "it was moved to an earlier time");
    bench.pass(1_000 * MILLISECOND);
    assert_eq!(calls.get(), 1);
    bench.tells(peer, command(SAYS, 50));
    bench.tells(peer, clear(SAYS));
    bench.pass(1_000 * MILLISECOND);
    assert_eq!(calls.get(), 1, "it was cleared");
    bench.assert_sleeps();
}

/// The answer that the session waits for may lie in the kernel, because the owner does not read.
#[test]
fn a_timer_tells_its_session_that_input_is_held_back() {
    let (mut bench, _, peer, token) = pair();
    bench.reactor.pause(token);
    bench
        .reactor
        .write(token, &[&b"k"[..], &command(SAYS, 5)].concat(), false)
        .unwrap();
    bench.pass(10 * MILLISECOND);
    assert_eq!(bench.heard(peer), b"held");
    bench.reactor.resume(token);
    bench.tells(peer, command(SAYS, 5));
    bench.pass(10 * MILLISECOND);
    assert_eq!(bench.heard(peer), b"tick");
}

/// A pong that came in time must not count as missing because the process was stopped.
#[test]
fn input_that_came_in_time_is_decoded_before_the_timer_expires() {
    let (mut bench, calls, peer, token) = pair();
    // A wait that reports few events does not report every connection that has input.
    bench.kernel().faults.batch = 1;
    let (others, _) = (0..4)
        .map(|_| bench.client())
        .unzip::<_, _, Vec<_>, Vec<_>>();
    bench.tells(peer, command(FAILS, 50));
    for other in others {
        bench.kernel().peer_send(other, &clear(SAYS));
    }
    bench.kernel().peer_send(peer, &command(FAILS, 40));
    for _ in 0..3 {
        bench.pass(10_000 * MILLISECOND);
        assert_eq!((calls.get(), bench.closed(token)), (0, None));
        bench.kernel().peer_send(peer, &command(FAILS, 40));
    }
    bench.run_until_idle();
    bench.pass(50 * MILLISECOND);
    assert_eq!(calls.get(), 1);
}

/// The answer that the session waits for may lie in the kernel, because other connections have used up the turn.
#[test]
fn a_timer_tells_its_session_that_the_turn_had_no_room_to_receive() {
    let budget = Budget {
        turn_bytes: 3,
        ..Budget::default()
    };
    let mut bench = without_faults(budget, 1_000);
    let calls = Rc::new(Cell::new(0));
    bench.listen(ListenOptions {
        protocol: Some(protocol(&calls, None)),
        ..ListenOptions::default()
    });
    let others: Vec<_> = (0..4).map(|_| bench.client().0).collect();
    let (peer, _) = bench.client();
    for (busy, answer) in [(true, b"held"), (false, b"tick")] {
        bench.tells(peer, command(SAYS, 50));
        for other in others.iter().filter(|_| busy) {
            bench.kernel().peer_send(*other, &clear(AGAIN));
        }
        bench.pass(60 * MILLISECOND);
        bench.run_until_idle();
        assert_eq!(bench.heard(peer), answer);
    }
    assert_eq!(calls.get(), 2);
}

#[test]
fn a_session_that_sets_a_timer_to_nothing_for_ever_is_called_once_in_a_turn() {
    let (mut bench, calls, peer, _) = pair();
    let (other, told) = bench.client();
    bench.tells(peer, command(AGAIN, 0));
    let before = calls.get();
    for turn in 1..=100 {
        bench.kernel().peer_send(other, &command(SAYS, 0));
        bench.turn(None);
        let now = calls.get() - before;
        assert!(now <= 2 * turn, "{now} calls in {turn} turns");
        assert!(now >= turn, "{now} calls in {turn} turns");
    }
    assert!(bench.heard(other).starts_with(b"tick"));
    assert_eq!(bench.closed(told), None);
}

#[test]
fn timers_of_a_closed_connection_never_expire_and_not_for_the_next_one_in_its_place() {
    let (mut bench, calls, peer, token) = pair();
    for timer in [SAYS, AGAIN, ENDS, FAILS] {
        bench.tells(peer, command(timer, 50));
    }
    bench.reactor.destroy(token);
    // Its close has not been reported yet.
    bench.kernel().advance(60 * MILLISECOND);
    bench.run_until_idle();
    let (_, next) = bench.client();
    assert_eq!(next.index, token.index);
    bench.pass(1_000 * MILLISECOND);
    assert_eq!(calls.get(), 0);
    bench.assert_sleeps();
}

#[test]
fn timers_of_a_replaced_session_never_expire() {
    let (mut bench, calls, peer, token) = pair();
    bench.tells(peer, command(SAYS, 50));
    bench.tells(peer, command(FAILS, 60));
    let next = Rc::new(Cell::new(0));
    bench
        .reactor
        .upgrade(token, Some(&protocol(&next, Some(70))))
        .unwrap();
    bench.pass(60 * MILLISECOND);
    assert_eq!((calls.get(), next.get()), (0, 0));
    bench.pass(10 * MILLISECOND);
    assert_eq!((calls.get(), next.get()), (0, 1), "its own timer");
    bench.reactor.upgrade(token, None).unwrap();
    bench.pass(1_000 * MILLISECOND);
    assert_eq!((calls.get(), next.get()), (0, 1));
}

#[test]
fn a_timer_ends_a_connection_as_other_calls_do() {
    let (mut bench, _, peer, token) = pair();
    bench.tells(peer, command(ENDS, 50));
    bench.pass(50 * MILLISECOND);
    assert_eq!(bench.heard(peer), b"bye");
    assert!(bench.kernel().view(peer).output_ended);
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), Some(CloseReason::Ended));
}

#[test]
fn a_timer_fails_a_connection_as_other_calls_do() {
    let (mut bench, calls, peer, token) = pair();
    bench.tells(peer, command(FAILS, 50));
    bench.tells(peer, command(AGAIN, 51));
    bench.pass(50 * MILLISECOND);
    let Some(CloseReason::Protocol(error)) = bench.closed(token) else {
        panic!("{:?}", bench.closed(token));
    };
    assert!(matches!(error.fault, Fault::Error(ref it) if it.kind() == ErrorKind::Malformed));
    bench.pass(1_000 * MILLISECOND);
    assert_eq!(calls.get(), 1, "a session that has failed is not called");
}

/// The owner reads nothing for a long time, or the connect takes long. Heartbeats go on.
#[test]
fn timers_expire_while_the_connection_is_paused_or_connecting() {
    let (mut bench, calls, peer, token) = pair();
    bench.tells(peer, command(SAYS, 50));
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, b"unread");
    bench.pass(50 * MILLISECOND);
    assert_eq!((calls.get(), bench.heard(peer)), (1, b"held".to_vec()));

    let calls = Rc::new(Cell::new(0));
    bench
        .kernel()
        .plan_connect(Outcome::Established, 80 * MILLISECOND);
    let options = ConnectOptions {
        protocol: Some(protocol(&calls, Some(30))),
        ..ConnectOptions::default()
    };
    let token = bench.reactor.connect(address(), options).unwrap();
    let peer = bench.kernel().peer_of(token).unwrap();
    bench.pass(40 * MILLISECOND);
    assert_eq!((calls.get(), bench.heard(peer)), (1, Vec::new()));
    bench.pass(40 * MILLISECOND);
    bench.run_until_idle();
    assert_eq!(bench.heard(peer), b"tick");
}

/// The alarm is set for the soonest timer alone, and only if it would come too late. Moving and clearing a timer makes no call.
#[test]
fn five_hundred_connections_that_set_and_move_timers_cost_few_calls() {
    const CONNECTIONS: u64 = 500;
    let (mut bench, calls) = ticking(Limits::default(), Some(10_000));
    let peers: Vec<_> = (0..CONNECTIONS).map(|_| bench.client()).collect();
    assert_eq!(bench.kernel().alarms_set(), 1, "accepting them");
    for round in 0..100 {
        for (peer, _) in &peers {
            bench
                .kernel()
                .peer_send(*peer, &command(SAYS, 10_000 + round));
        }
        bench.pass(100 * MILLISECOND);
        for (_, token) in &peers {
            let moved = [&b"k"[..], &command(AGAIN, 9_000), &clear(AGAIN)].concat();
            bench.reactor.write(*token, &moved, false).unwrap();
        }
    }
    assert_eq!(calls.get(), 0);
    assert!(bench.kernel().alarms_set() <= 4, "moving and clearing them");
    let before = bench.kernel().alarms_set();
    // All expire in random order within a second, and are set again.
    for (place, (peer, _)) in (0..CONNECTIONS).zip(&peers) {
        let milliseconds = 1 + place * 7_919 % 1_000;
        bench
            .kernel()
            .peer_send(*peer, &command(SAYS, milliseconds as u16));
    }
    bench.turn(Some(Duration::ZERO));
    let mut turns = 0;
    while calls.get() < CONNECTIONS as u32 {
        bench.turn(None);
        turns += 1;
        assert!(turns < 5_000, "a turn does not wait");
    }
    let alarms = bench.kernel().alarms_set() - before;
    assert!(alarms <= turns + 1, "{alarms} in {turns} turns");
}

/// Ends are the most frequent use of deadlines.
#[test]
fn five_hundred_connections_that_end_cost_few_calls() {
    let (mut bench, _) = ticking(Limits::default(), None);
    for _ in 0..500 {
        let (peer, token) = bench.client();
        bench.reactor.end(token);
        bench.run_until_idle();
        bench.kernel().peer_finish(peer);
        bench.run_until_idle();
        assert_eq!(bench.closed(token), Some(CloseReason::Ended));
    }
    assert_eq!(bench.kernel().alarms_set(), 1);
    bench.assert_sleeps();
}

#[test]
fn a_refused_alarm_delays_no_timer_of_a_turn_that_waits() {
    let (mut bench, calls, peer, _) = pair();
    bench.kernel().refuse_alarms(Some(Errno::EINVAL));
    bench.tells(peer, command(SAYS, 50));
    let start = bench.kernel().now();
    bench.run_until_idle();
    bench.turn(None);
    let took = bench.kernel().now() - start;
    assert_eq!((calls.get(), took / MILLISECOND), (1, 50));
}

/// A turn that skips the wait, because a receive is tried first, does not skip the timers.
#[test]
fn a_busy_connection_delays_no_timer_of_another_one() {
    let (mut bench, calls, peer, _) = pair();
    let (busy, _) = bench.client();
    bench.tells(peer, command(SAYS, 50));
    for _ in 0..10 {
        bench.kernel().peer_send(busy, &clear(SAYS));
        bench.announced_turn();
    }
    bench.kernel().peer_send(busy, &clear(SAYS));
    bench.kernel().advance(50 * MILLISECOND);
    bench.announced_turn();
    assert_eq!(calls.get(), 1);
}

/// A session that gives the owner time to answer must not speak before an owner that has not come to it yet. Timers do not wait for
/// ever: an owner with too much to do may be behind all the time.
#[test]
fn timers_wait_while_the_owner_is_behind_but_at_most_a_second() {
    for early in [false, true] {
        let (mut bench, calls, peer, _) = pair();
        bench.reactor.set_behind(true);
        bench.tells(peer, command(SAYS, 5));
        bench.pass(6 * MILLISECOND);
        assert_eq!(calls.get(), 0, "the owner has to come first");
        bench.pass(10 * MILLISECOND);
        assert_eq!(calls.get(), 0);
        if early {
            bench.reactor.set_behind(false);
            bench.turn(None);
            bench.turn(None);
            assert_eq!(calls.get(), 1, "the alarm wakes it");
        } else {
            bench.pass(980 * MILLISECOND);
            assert_eq!(calls.get(), 0);
            bench.pass(20 * MILLISECOND);
            assert_eq!(calls.get(), 1, "a second late");
        }
        assert_eq!(bench.heard(peer), b"tick");
        bench.reactor.set_behind(false);
        bench.assert_sleeps();
        assert_eq!(calls.get(), 1);
    }
}
