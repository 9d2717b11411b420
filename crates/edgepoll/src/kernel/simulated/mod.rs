//! A simulated kernel: sockets, events, errors and time, all in memory and all chosen from one seed.
//!
//! Nothing here makes a system call. The same seed and the same calls give the same answers, and every answer is one that
//! Linux can give. The reactor runs on it in tests, which act as the far ends by the methods `peer_…` of [`SimulatedKernel`].

mod calls;
mod events;
mod faults;
mod peer;
mod random;
mod socket;
mod state;
mod stream;

pub use faults::Faults;
pub use peer::View;
pub use random::Random;
pub use socket::{Outcome, Peer, SimulatedSocket, PEER_ADDRESS};
pub use state::SimulatedKernel;
