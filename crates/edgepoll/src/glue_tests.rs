//! The Node.js glue must handle every variant of the enums that it matches.
//!
//! These enums are `#[non_exhaustive]`, so `edgepoll-node` compiles without a new variant and reports it as an error when it
//! occurs. Here, in the crate that defines the enums, a new variant does not compile: add it to the list below, and to the file
//! that the list names.

use crate::connection::CloseReason;
use crate::protocol::Fault;
use crate::reactor::{Event, WriteError};
use crate::readiness::{EngineKind, Refusal};
use crate::Call;

/// The folder of the glue, in the repository.
const GLUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../edgepoll-node/src");

/// Makes a test that fails if the file of the glue does not name each of the variants.
macro_rules! named_in {
    ($file:literal, $test:ident: $enum:ident { $($variant:ident),+ }) => {
        #[test]
        fn $test() {
            // Does not compile if the list lacks a variant.
            let _ = |value: &$enum| match value {
                $($enum::$variant { .. })|+ => (),
            };
            // The published crate has no glue beside it.
            if !std::path::Path::new(GLUE).exists() {
                return;
            }
            let path = format!("{GLUE}/{}", $file);
            let source = std::fs::read_to_string(&path).expect("a file of the glue");
            for name in [$(concat!(stringify!($enum), "::", stringify!($variant))),+] {
                assert!(is_named(&source, name), "{name} is missing in {path}");
            }
        }
    };
}

/// Whether the text has the name, and not only a longer one that begins with it.
fn is_named(source: &str, name: &str) -> bool {
    source.match_indices(name).any(|(at, _)| {
        let next = source[at + name.len()..].chars().next();
        next.is_none_or(|next| !next.is_alphanumeric())
    })
}

named_in!("reactor/inbox.rs", events: Event {
    Opened, Dropped, Connected, End, Queued, WriteFailed, WritingEnded, Closed, Asked, AcceptPaused, AlarmRefused
});
named_in!("reactor/close_reason.rs", close_reasons: CloseReason {
    Ended, Failed, Destroyed, Protocol, QueueFull, TimedOut, Late, Shed
});
named_in!("reactor/close_reason.rs", faults: Fault {
    Error, Broken, Panicked, TooMuch
});
named_in!("reactor/sender.rs", write_errors: WriteError {
    Closed, Ended, Failed, QueueFull, Protocol
});
named_in!("poller/binding.rs", engines: EngineKind { Epoll, Poll, Select });
named_in!("poller/binding.rs", refusals: Refusal { Kernel, SetSize, Trigger, Closed });
named_in!("names.rs", calls: Call {
    Socket, SetOption, Bind, Listen, Accept, Connect, Receive, Send, Shutdown, Register, OpenEpoll, OpenEvent, OpenTimer
});
