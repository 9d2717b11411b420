//! The poller on an engine that fails when told to: what is refused leaves nothing behind.

use crate::watch::Watch;
use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;

use edgepoll::readiness::{bits, Engine, Poller, Readiness, Refusal, Retired};
use edgepoll::{Errno, Token};

/// What the test and the engine share.
#[derive(Default)]
struct Script {
    /// The next change fails with this.
    fails: Option<Errno>,
    watched: Vec<(RawFd, u32, Token)>,
    events: Vec<Readiness>,
    renewals: u32,
}

/// Announces by a descriptor that nobody waits for.
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

    fn holds(&self, _fd: RawFd) -> bool {
        true
    }

    fn look(&mut self, found: &mut [Readiness]) -> Result<usize, Errno> {
        let mut script = self.change()?;
        let count = script.events.len().min(found.len());
        found[..count].copy_from_slice(&script.events[..count]);
        script.events.drain(..count);
        Ok(count)
    }

    fn arm(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    fn announcer(&self) -> BorrowedFd<'_> {
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
    (
        Poller::on(Box::new(Scripted(Rc::clone(&script), crate::pipe().0)), 8),
        script,
    )
}

/// EEXIST is none of them: where nobody is registered it is a ghost's, which is taken out (`closed.rs`).
const ERRNOS: [Errno; 7] = [
    Errno::ENOENT,
    Errno::EPERM,
    Errno::ELOOP,
    Errno::EBADF,
    Errno::EINVAL,
    Errno::ENOMEM,
    Errno::ENOSPC,
];

/// hazard 10: every errno at every operation; afterwards the same descriptor can be had.
#[test]
fn what_is_refused_leaves_nothing_behind() {
    for errno in ERRNOS {
        let (mut poller, script) = scripted();
        let fail = || script.borrow_mut().fails = Some(errno);

        fail();
        let added = poller.watch(7, bits::READABLE);
        assert_eq!(added, Err(Refusal::Kernel(errno)));
        let token = poller.watch(7, bits::READABLE).unwrap();

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
        let again = poller.watch(7, bits::READABLE).unwrap();
        assert_ne!(again, token);
    }
}

/// hazard 1: the second event of a batch is for a place that has another occupant by now.
#[test]
fn an_event_of_an_earlier_occupant_is_dropped() {
    let (mut poller, script) = scripted();
    let old = poller.watch(7, bits::READABLE).unwrap();
    poller.unregister(old).unwrap();
    let new = poller.watch(7, bits::READABLE).unwrap();
    assert_eq!((old.index, old.generation + 1), (new.index, new.generation));
    let mask = bits::READABLE;
    script.borrow_mut().events = vec![
        Readiness { token: old, mask },
        Readiness { token: new, mask },
    ];
    assert_eq!(crate::look(&mut poller), [(new, mask)]);
    assert_eq!(poller.counters().stale, 1);
}

/// A look that fails tells nobody anything, and the next one goes on.
#[test]
fn a_look_that_fails_loses_nothing() {
    let (mut poller, script) = scripted();
    let token = poller.watch(7, bits::READABLE).unwrap();
    let mask = bits::READABLE;
    script.borrow_mut().events = vec![Readiness { token, mask }];
    script.borrow_mut().fails = Some(Errno::ENOMEM);
    let failed = poller.look(8, |_| panic!("there is nothing to tell"));
    assert_eq!(failed.err(), Some(Errno::ENOMEM));
    assert_eq!(crate::look(&mut poller), [(token, mask)]);
}

/// hazard 3: while no descriptor is left, a ghost cannot be left behind. Nobody loses anything by that, and it is tried
/// again, more and more seldom.
#[test]
fn a_renewal_that_is_refused_is_none() {
    let (mut poller, script) = scripted();
    let ghost = poller.watch(7, bits::READABLE).unwrap();
    poller.unregister(ghost).unwrap();
    let token = poller.watch(8, bits::READABLE).unwrap();
    let mask = bits::READABLE;
    let stale = Readiness { token: ghost, mask };
    for _ in 0..1000 {
        script.borrow_mut().events = vec![stale];
        assert_eq!(crate::look(&mut poller), []);
    }
    assert!(
        (5..=9).contains(&script.borrow().renewals),
        "{} times in 1,000 looks",
        script.borrow().renewals
    );
    assert_eq!(poller.counters().renewals, 0);
    script.borrow_mut().events = vec![stale, Readiness { token, mask }];
    assert_eq!(crate::look(&mut poller), [(token, mask)]);
}
