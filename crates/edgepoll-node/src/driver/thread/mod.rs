//! The driver for hosts without libuv: a thread sleeps in poll(2) on the poll descriptor and calls JavaScript through a
//! thread-safe function.

mod driver;
mod function;
mod state;
mod watcher;

pub(super) use driver::ThreadDriver;
