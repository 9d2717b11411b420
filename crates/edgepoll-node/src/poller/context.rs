//! Whose work a call into JavaScript is: the host's async hooks and its AsyncLocalStorage go by that.
//!
//! It must never be let go while a call is made in it. Held by src/epoll/, one for each object that calls back, and
//! called in by poller.rs.

use std::cell::RefCell;
use std::rc::Rc;

use napi::{Env, Result};
use napi_derive::napi;

use crate::node::AsyncContext;

/// A context that JavaScript holds.
#[napi]
pub struct ContextBinding {
    context: RefCell<Option<Rc<AsyncContext>>>,
}

#[napi]
impl ContextBinding {
    /// One that async hooks know by `name`. What is stored in an AsyncLocalStorage now is what its calls find there.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, name: String) -> Result<ContextBinding> {
        let context = AsyncContext::new(env.raw(), &name)?;
        Ok(ContextBinding {
            context: RefCell::new(Some(Rc::new(context))),
        })
    }

    /// Lets go of it: async hooks hear of its end when the last call in it is over.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.context.borrow_mut().take();
    }

    pub(crate) fn shared(&self) -> Option<Rc<AsyncContext>> {
        self.context.borrow().clone()
    }
}

/// Contexts by the slot of a registration. That of a descriptor which was closed stays until the slot is another's.
#[derive(Default)]
pub(crate) struct BySlot(RefCell<Vec<Option<Rc<AsyncContext>>>>);

impl BySlot {
    pub(crate) fn set(&self, slot: usize, context: Option<Rc<AsyncContext>>) {
        let mut contexts = self.0.borrow_mut();
        if contexts.len() <= slot && context.is_some() {
            contexts.resize(slot + 1, None);
        }
        if let Some(place) = contexts.get_mut(slot) {
            *place = context;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    pub(crate) fn get(&self, slot: usize) -> Option<Rc<AsyncContext>> {
        self.0.borrow().get(slot).cloned().flatten()
    }

    pub(crate) fn clear(&self) {
        self.0.take();
    }
}
