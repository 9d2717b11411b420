//! The kernel's error numbers.

pub use nix::errno::Errno;
