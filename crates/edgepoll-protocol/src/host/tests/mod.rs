//! Tests of the border: what a host gets from plug-ins that fail, break the contract, or were compiled for another host.

mod faults;
mod layers;
mod sizes;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::{Error, Io, Protocol, Role, Session, Step};

/// What a scripted session does in one call.
type Act = Box<dyn FnOnce(&mut [u8], &mut Io<'_>) -> Result<Step, Error>>;

/// A protocol whose session does in each call what the next entry says, whatever the method.
#[derive(Clone, Default)]
pub(super) struct Scripted {
    acts: Rc<RefCell<VecDeque<Act>>>,
    pub(super) dropped: Rc<RefCell<u32>>,
}

impl Scripted {
    pub(super) fn then(
        self,
        act: impl FnOnce(&mut [u8], &mut Io<'_>) -> Result<Step, Error> + 'static,
    ) -> Scripted {
        self.acts.borrow_mut().push_back(Box::new(act));
        self
    }

    fn next(&self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let act = self.acts.borrow_mut().pop_front();
        act.map_or(Ok(Step::Need(0)), |act| act(input, io))
    }
}

impl Protocol for Scripted {
    type Session = ScriptedSession;
    const NAME: &'static str = "scripted";

    fn session(&self, _role: Role) -> ScriptedSession {
        ScriptedSession(self.clone())
    }
}

pub(super) struct ScriptedSession(Scripted);

impl Session for ScriptedSession {
    const ENCODES: bool = true;

    fn start(&mut self, io: &mut Io<'_>) -> Result<(), Error> {
        self.0.next(&mut [], io).map(drop)
    }

    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        self.0.next(input, io)
    }

    fn encode(&mut self, _kind: u8, _body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        self.0.next(&mut [], io).map(drop)
    }

    fn timer(&mut self, _timer: u8, io: &mut Io<'_>) -> Result<(), Error> {
        self.0.next(&mut [], io).map(drop)
    }

    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        self.0.next(input, io)
    }

    fn end(&mut self, io: &mut Io<'_>) {
        drop(self.0.next(&mut [], io));
    }

    fn limit(&self) -> usize {
        assert!(!self.0.acts.borrow().is_empty(), "no limit");
        100
    }
}

impl Drop for ScriptedSession {
    fn drop(&mut self) {
        *self.0.dropped.borrow_mut() += 1;
    }
}
