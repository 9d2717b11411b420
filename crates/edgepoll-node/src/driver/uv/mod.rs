//! The driver in libuv's own loop: a level-triggered `uv_poll` on the poll descriptor, and no thread.

mod busy_poll;
mod driver;
mod libuv;
mod state;

pub(super) use driver::UvDriver;
