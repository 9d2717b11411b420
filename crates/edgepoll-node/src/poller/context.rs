//! Async contexts that JavaScript holds, and which registration's events are delivered in which.
//!
//! `src/epoll/` holds one for each object that has a callback. A context is kept until no call is made in it any more.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use napi::{Env, Result};
use napi_derive::napi;

use crate::node::AsyncContext;

/// An async context that JavaScript holds.
#[napi]
pub struct ContextBinding {
    context: RefCell<Option<Rc<AsyncContext>>>,
}

#[napi]
impl ContextBinding {
    /// Makes a context that async hooks know by `name`. Calls in it find what is stored in an `AsyncLocalStorage` now.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, name: String) -> Result<ContextBinding> {
        let context = AsyncContext::new(env.raw(), &name)?;
        Ok(ContextBinding {
            context: RefCell::new(Some(Rc::new(context))),
        })
    }

    /// Releases the context. Async hooks are called for its end once the last call in it has returned.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.context.borrow_mut().take();
    }

    pub(crate) fn shared(&self) -> Option<Rc<AsyncContext>> {
        self.context.borrow().clone()
    }
}

impl fmt::Debug for ContextBinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_open = self.context.borrow().is_some();
        let mut shown = formatter.debug_struct("ContextBinding");
        shown.field("is_open", &is_open).finish()
    }
}

/// Contexts by the slot of a registration. After a descriptor was closed, its context stays until the slot is used again.
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
