//! The same random script of operations for the three engines side by side. With level triggering and oneshot they report the
//! same.
//!
//! `EDGEPOLL_SEED=S` runs that seed alone.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};

use edgepoll::kernel::simulated::Random;
use edgepoll::readiness::{bits, Poller};
use edgepoll::Token;
use nix::sys::socket::{socketpair, AddressFamily, SockFlag, SockType};

use crate::poller::Watch;
use crate::{pipe, poller, try_wait, KINDS};

const SEEDS: u64 = 400;
const STEPS: usize = 150;

/// A descriptor that may be watched.
struct End {
    fd: OwnedFd,
    /// A socket, which is watched in both directions. Otherwise the reading end of a pipe.
    is_socket: bool,
    /// One token for each engine.
    tokens: Option<[Token; 3]>,
}

struct Run {
    random: Random,
    pollers: [Poller; 3],
    ends: Vec<End>,
    /// The other ends of the pipes and socket pairs, by index in `ends`.
    peers: BTreeMap<usize, OwnedFd>,
}

impl Run {
    fn new(seed: u64) -> Run {
        Run {
            random: Random::new(seed),
            pollers: KINDS.map(poller),
            ends: Vec::new(),
            peers: BTreeMap::new(),
        }
    }

    fn open(&mut self) {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let is_socket = self.random.chance(500);
        let (fd, peer) = if is_socket {
            socketpair(AddressFamily::Unix, SockType::Stream, None, flags).unwrap()
        } else {
            pipe()
        };
        self.peers.insert(self.ends.len(), peer);
        self.ends.push(End {
            fd,
            is_socket,
            tokens: None,
        });
    }

    fn interest(&mut self, place: usize) -> u32 {
        let oneshot = if self.random.chance(300) {
            bits::ONESHOT
        } else {
            0
        };
        // Every interest includes reading or writing. With priority alone, select(2) would report no hang-up, and the other
        // engines would.
        let wanted = if self.ends[place].is_socket {
            self.random.pick(&[
                bits::READABLE,
                bits::WRITABLE,
                bits::READABLE | bits::WRITABLE,
                bits::READABLE | bits::READ_HANGUP,
                bits::READABLE | bits::PRIORITY,
            ])
        } else {
            bits::READABLE
        };
        wanted | oneshot
    }

    fn register(&mut self, place: usize) {
        let interest = self.interest(place);
        let end = &mut self.ends[place];
        let fd = end.fd.as_raw_fd();
        if let Some(tokens) = end.tokens {
            for (poller, token) in self.pollers.iter_mut().zip(tokens) {
                poller.modify(token, interest).unwrap();
            }
            return;
        }
        let tokens = self
            .pollers
            .each_mut()
            .map(|poller| poller.watch(fd, interest).unwrap());
        end.tokens = Some(tokens);
    }

    fn each(&mut self, place: usize, change: impl Fn(&mut Poller, Token)) {
        if let Some(tokens) = self.ends[place].tokens {
            for (poller, token) in self.pollers.iter_mut().zip(tokens) {
                change(poller, token);
            }
        }
    }

    fn step(&mut self) {
        if self.ends.is_empty() || (self.ends.len() < 8 && self.random.chance(150)) {
            self.open();
            return;
        }
        let place = self.random.below(self.ends.len());
        let length = self.random.pick(&[1, 100, 4096, 100_000]);
        match self.random.below(8) {
            0 | 1 => self.register(place),
            2 => {
                self.each(place, |poller, token| poller.unregister(token).unwrap());
                self.ends[place].tokens = None;
            }
            3 => self.each(place, |poller, token| poller.rearm(token).unwrap()),
            4 => {
                // The send may fail, because there is no room or no reader. Only the state that it leaves matters.
                let _ = self
                    .peers
                    .get(&place)
                    .map(|peer| send(peer, self.ends[place].is_socket, length));
            }
            5 => {
                let _ = nix::unistd::read(&self.ends[place].fd, &mut vec![0; length]);
            }
            6 if self.ends[place].is_socket => {
                let _ = send(&self.ends[place].fd, true, length);
            }
            _ if self.random.chance(150) => {
                self.peers.remove(&place);
            }
            _ => {}
        }
    }

    /// What each engine reports, by index in `ends`.
    fn events(&mut self) -> [BTreeMap<usize, u32>; 3] {
        let mut engine = 0;
        let ends = &self.ends;
        self.pollers.each_mut().map(|poller| {
            let mine = engine;
            engine += 1;
            try_wait(poller)
                .into_iter()
                .map(|(token, mask)| {
                    let is_it = |end: &End| end.tokens.is_some_and(|own| own[mine] == token);
                    (ends.iter().position(is_it).unwrap(), mask)
                })
                .collect()
        })
    }
}

/// MSG_NOSIGNAL prevents SIGPIPE from a socket. Rust's runtime ignores it for pipes.
fn send(fd: &OwnedFd, is_socket: bool, length: usize) -> nix::Result<usize> {
    use nix::sys::socket::{send, MsgFlags};
    if is_socket {
        send(fd.as_raw_fd(), &vec![1; length], MsgFlags::MSG_NOSIGNAL)
    } else {
        nix::unistd::write(fd, &vec![1; length])
    }
}

fn run(seed: u64) -> usize {
    let mut run = Run::new(seed);
    let mut reported = 0;
    for step in 0..STEPS {
        run.step();
        if run.random.chance(600) {
            let [epoll, poll, select] = run.events();
            let again = format!("EDGEPOLL_SEED={seed} cargo test -p edgepoll --test readiness");
            assert_eq!(epoll, poll, "epoll and poll, step {step}\n{again}");
            assert_eq!(epoll, select, "epoll and select, step {step}\n{again}");
            reported += epoll.len();
        }
    }
    reported
}

#[test]
fn the_engines_report_the_same() {
    if let Ok(seed) = std::env::var("EDGEPOLL_SEED") {
        run(seed.parse().unwrap());
        return;
    }
    let reported: usize = (0..SEEDS).map(run).sum();
    assert!(
        reported > 20_000,
        "only {reported} events: the scripts do nothing"
    );
}
