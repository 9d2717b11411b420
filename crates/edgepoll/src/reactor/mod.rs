//! The reactor: it waits for events, makes the system calls that [`connection`](crate::connection) allows, and reports what
//! happened.
//!
//! It blocks only in a wait with a timeout. Of its owner's code it calls only the [`Inbox`] and the protocols, and those cannot call
//! back. It serves no connection beyond its [`Budget`].

mod accept;
mod admission;
mod alarm;
mod budget;
mod busy_poll;
#[cfg(feature = "simulation")]
mod check;
mod clients;
mod close;
mod commands;
mod deadlines;
mod decode;
mod drops;
mod entry;
mod guess;
mod inbox;
mod late;
mod layers;
mod listener;
mod lists;
mod occupant;
mod open;
mod options;
mod pace;
mod pressure;
mod query;
mod receive;
mod report;
mod room;
mod send;
mod serve;
mod session;
mod session_timers;
mod share;
mod state;
mod stats;
mod timers;
mod turn;
mod usage;
mod wheel;
#[cfg(test)]
mod wheel_tests;
mod write;

pub use admission::{Admission, Dropped};
pub use budget::Budget;
pub use busy_poll::BusyPoll;
pub use inbox::{Event, Found, Inbox};
pub use layers::LayerError;
pub use options::{ConnectOptions, ListenOptions};
pub use session::UpgradeError;
pub use state::Reactor;
pub use stats::Stats;
pub use write::WriteError;
