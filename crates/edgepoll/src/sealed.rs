//! Keeps a public trait from being implemented outside this crate, so that it can gain methods.

/// A supertrait that other crates cannot name, and so cannot implement.
pub trait Sealed {}
