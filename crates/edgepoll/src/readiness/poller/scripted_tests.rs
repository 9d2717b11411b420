//! The poller on an engine that fails on command: a refused operation leaves nothing behind.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "Poller::register is an unsafe function, and a test fails by panicking"
)]

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;

use super::super::bits;
use super::{Engine, Poller, Readiness, Refusal, Retired};
use crate::descriptor::eventfd;
use crate::{Errno, Token};

/// The state that the test and the engine share.
#[derive(Default)]
struct Script {
    /// The next change fails with this.
    fails: Option<Errno>,
    watched: Vec<(RawFd, u32, Token)>,
    events: Vec<Readiness>,
    renewals: u32,
}

/// Its descriptor never becomes readable, because no test waits.
struct Scripted(Rc<RefCell<Script>>, OwnedFd);

impl Scripted {
    fn change(&self) -> Result<std::cell::RefMut<'_, Script>, Errno> {
        let mut script = self.0.borrow_mut();
        match script.fails.take() {
            Some(errno) => Err(errno),
            None => Ok(script),
        }
    }
}

impl Engine for Scripted {
    fn add(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        self.change()?.watched.push((fd, interest, token));
        Ok(())
    }

    fn modify(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        let mut script = self.change()?;
        script.watched.retain(|watched| watched.0 != fd);
        script.watched.push((fd, interest, token));
        Ok(())
    }

    fn remove(&mut self, fd: RawFd) -> Result<(), Errno> {
        self.change()?.watched.retain(|watched| watched.0 != fd);
        Ok(())
    }

    fn forget(&mut self, fd: RawFd) {
        self.0
            .borrow_mut()
            .watched
            .retain(|watched| watched.0 != fd);
    }

    fn is_same_file(&self, _fd: RawFd) -> bool {
        true
    }

    fn poll_consumes(&self, _fd: RawFd) -> bool {
        false
    }

    fn try_wait(&mut self, found: &mut [Readiness]) -> Result<usize, Errno> {
        let mut script = self.change()?;
        let count = script.events.len().min(found.len());
        found[..count].copy_from_slice(&script.events[..count]);
        script.events.drain(..count);
        Ok(count)
    }

    fn begin_wait(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    fn wait_fd(&self) -> BorrowedFd<'_> {
        self.1.as_fd()
    }

    fn renew(
        &mut self,
        _live: &mut dyn Iterator<Item = (RawFd, u32, Token)>,
    ) -> Result<Option<Retired>, Errno> {
        self.0.borrow_mut().renewals += 1;
        Err(Errno::EMFILE)
    }
}

fn scripted() -> (Poller, Rc<RefCell<Script>>) {
    let script = Rc::new(RefCell::new(Script::default()));
    let engine = Scripted(Rc::clone(&script), eventfd(0, false).unwrap());
    (Poller::on(Box::new(engine), 8), script)
}

/// As [`Poller::register`].
fn watch(poller: &mut Poller, fd: RawFd, interest: u32) -> Result<Token, Refusal> {
    // SAFETY: the engine makes no system call with the number.
    unsafe { poller.register(fd, interest) }
}

/// The tokens and masks of one wait.
fn wait(poller: &mut Poller) -> Vec<(Token, u32)> {
    let mut found = Vec::new();
    poller
        .try_wait(usize::MAX, |event| found.push((event.token, event.mask)))
        .unwrap();
    found
}

/// Without EEXIST: if the poller has no registration of the number, that is a leftover of a closed one, which is removed (`closed.rs`
/// in `tests/readiness/`).
const ERRNOS: [Errno; 7] = [
    Errno::ENOENT,
    Errno::EPERM,
    Errno::ELOOP,
    Errno::EBADF,
    Errno::EINVAL,
    Errno::ENOMEM,
    Errno::ENOSPC,
];

/// hazard 10: every error of every operation. Afterwards the same descriptor can be watched.
#[test]
fn what_is_refused_leaves_nothing_behind() {
    for errno in ERRNOS {
        let (mut poller, script) = scripted();
        let fail = || script.borrow_mut().fails = Some(errno);

        fail();
        let added = watch(&mut poller, 7, bits::READABLE);
        assert_eq!(added, Err(Refusal::Kernel(errno)));
        let token = watch(&mut poller, 7, bits::READABLE).unwrap();

        fail();
        let modified = poller.modify(token, bits::WRITABLE);
        assert_eq!(modified, Err(Refusal::Kernel(errno)));
        fail();
        assert_eq!(poller.rearm(token), Err(Refusal::Kernel(errno)));
        assert_eq!(script.borrow().watched, [(7, bits::READABLE, token)]);
        poller.rearm(token).unwrap();

        fail();
        assert_eq!(poller.unregister(token), Err(errno));
        assert_eq!(poller.unregister(token), Err(Errno::ENOENT), "it is gone");
        let again = watch(&mut poller, 7, bits::READABLE).unwrap();
        assert_ne!(again, token);
    }
}

/// hazard 1: an event of a batch is for a slot that has another registration by now.
#[test]
fn an_event_of_an_earlier_occupant_is_dropped() {
    let (mut poller, script) = scripted();
    let old = watch(&mut poller, 7, bits::READABLE).unwrap();
    poller.unregister(old).unwrap();
    let new = watch(&mut poller, 7, bits::READABLE).unwrap();
    assert_eq!((old.index, old.generation + 1), (new.index, new.generation));
    let mask = bits::READABLE;
    script.borrow_mut().events = vec![
        Readiness { token: old, mask },
        Readiness { token: new, mask },
    ];
    assert_eq!(wait(&mut poller), [(new, mask)]);
    assert_eq!(poller.counters().stale, 1);
}

/// A wait that fails reports nothing, and the next one reports the event.
#[test]
fn a_wait_that_fails_loses_nothing() {
    let (mut poller, script) = scripted();
    let token = watch(&mut poller, 7, bits::READABLE).unwrap();
    let mask = bits::READABLE;
    script.borrow_mut().events = vec![Readiness { token, mask }];
    script.borrow_mut().fails = Some(Errno::ENOMEM);
    let failed = poller.try_wait(8, |_| panic!("there is no event"));
    assert_eq!(failed.err(), Some(Errno::ENOMEM));
    assert_eq!(wait(&mut poller), [(token, mask)]);
}

/// hazard 3: without a free descriptor the engine cannot be renewed. No registration loses an event by that, and the renewal is tried
/// again, less and less often.
#[test]
fn a_renewal_that_is_refused_is_none() {
    let (mut poller, script) = scripted();
    let ghost = watch(&mut poller, 7, bits::READABLE).unwrap();
    poller.unregister(ghost).unwrap();
    let token = watch(&mut poller, 8, bits::READABLE).unwrap();
    let mask = bits::READABLE;
    let stale = Readiness { token: ghost, mask };
    for _ in 0..1000 {
        script.borrow_mut().events = vec![stale];
        assert_eq!(wait(&mut poller), []);
    }
    assert!(
        (5..=9).contains(&script.borrow().renewals),
        "{} times in 1,000 waits",
        script.borrow().renewals
    );
    assert_eq!(poller.counters().renewals, 0);
    script.borrow_mut().events = vec![stale, Readiness { token, mask }];
    assert_eq!(wait(&mut poller), [(token, mask)]);
}
