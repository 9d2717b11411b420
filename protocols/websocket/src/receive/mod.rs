//! Frames of the peer, and the messages that they make up. Without I/O, and without answers: the session gives these.

mod part;
mod receiver;

pub(crate) use receiver::{Body, Found, Receiver, Rules};
