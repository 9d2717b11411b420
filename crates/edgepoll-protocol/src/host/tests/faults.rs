//! Sessions that panic, exceed a limit or break their contract.

use std::panic::resume_unwind;

use super::Scripted;
use crate::host::{Factory, Fault, Handle, Panic, Scratch, KEPT};
use crate::{Error, Role, Step};

fn panicked<T>(place: &'static str, text: &str) -> Result<T, Fault> {
    Err(Fault::Panicked(Panic::new(place, text)))
}

fn session(protocol: &Scripted) -> Handle {
    Factory::new(protocol.clone()).session(Role::Server)
}

#[test]
fn a_session_that_panicked_is_dropped_and_not_called_again() {
    let protocol = Scripted::default().then(|_, _| unreachable!("a bug in line {}", 7));
    let (mut session, mut scratch) = (session(&protocol), Scratch::default());
    let (_, result) = session.decode(&mut scratch, &mut [1], 100);
    let text = "internal error: entered unreachable code: a bug in line 7";
    assert_eq!(result, panicked("decode", text));
    let shown = format!("it panicked in decode: {text}");
    assert_eq!(result.map_err(|fault| fault.to_string()), Err(shown));
    assert!(session.has_panicked());
    assert_eq!(session.end(&mut scratch).1, panicked("decode", text));
    drop(session);
    assert_eq!(*protocol.dropped.borrow(), 1);
}

#[test]
fn a_panicked_session_does_not_show_what_another_one_sent() {
    let bad = Scripted::default().then(|_, _| unreachable!("a bug"));
    let good = Scripted::default().then(|_, io| {
        io.send(b"secret");
        Ok(Step::Skip(1))
    });
    let (mut bad, mut good, mut scratch) = (session(&bad), session(&good), Scratch::default());
    let _ = bad.decode(&mut scratch, &mut [1], 100);
    let _ = good.decode(&mut scratch, &mut [1], 100);
    assert_eq!(scratch.output(), b"secret");
    let (_, result) = bad.decode(&mut scratch, &mut [1], 100);
    assert!(matches!(result, Err(Fault::Panicked(_))));
    assert_eq!(scratch.output(), b"");
}

#[test]
fn the_value_of_a_panic_may_panic_when_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            unreachable!("a bomb");
        }
    }
    let protocol = Scripted::default().then(|_, _| resume_unwind(Box::new(Bomb)));
    let (_, result) = session(&protocol).decode(&mut Scratch::default(), &mut [1], 100);
    assert_eq!(result, panicked("decode", ""));
}

#[test]
fn a_limit_that_panics_counts_as_a_panic_of_the_session() {
    let protocol = Scripted::default();
    let (mut session, mut scratch) = (session(&protocol), Scratch::default());
    assert_eq!(session.limit(), 0);
    assert!(session.has_panicked());
    assert_eq!(session.start(&mut scratch).1, panicked("limit", ""));
}

#[test]
fn messages_before_a_panic_count() {
    let protocol = Scripted::default()
        .then(|_, io| {
            io.field(0..1);
            Ok(Step::Message(1))
        })
        .then(|_, io| {
            io.field(0..1);
            unreachable!("a bug")
        });
    let (mut session, mut scratch) = (session(&protocol), Scratch::default());
    let (outcome, result) = session.decode(&mut scratch, &mut [1, 2], 100);
    assert!(matches!(result, Err(Fault::Panicked(_))));
    assert_eq!((outcome.messages, outcome.consumed), (1, 1));
    assert_eq!(scratch.table().len(), 4);
}

#[test]
fn the_limit_of_the_output_is_exact_and_holds_for_each_look() {
    let send = |bytes: usize| {
        move |_: &mut [u8], io: &mut crate::Io<'_>| {
            io.send(&vec![0; bytes]);
            Ok(Step::Skip(1))
        }
    };
    let protocol = Scripted::default()
        .then(send(10))
        .then(send(10))
        .then(send(11));
    let (mut session, mut scratch) = (session(&protocol), Scratch::default());
    scratch.limit_output(usize::MAX, 10);
    let (outcome, result) = session.decode(&mut scratch, &mut [0; 9], 100);
    assert_eq!(result, Err(Fault::TooMuch));
    assert_eq!((outcome.consumed, scratch.output().len()), (2, 20));
}

#[test]
fn the_limit_of_copied_bytes_holds_for_each_message() {
    let copy = |bytes: usize| {
        move |_: &mut [u8], io: &mut crate::Io<'_>| {
            io.copied(&vec![7; bytes]);
            Ok(Step::Message(1))
        }
    };
    let protocol = Scripted::default()
        .then(copy(10))
        .then(copy(10))
        .then(copy(11));
    let (mut session, mut scratch) = (session(&protocol), Scratch::default());
    scratch.limit_copied(10);
    let (outcome, result) = session.decode(&mut scratch, &mut [0; 9], 100);
    assert_eq!(result, Err(Fault::TooMuch));
    assert_eq!((outcome.messages, scratch.made().len()), (2, 20));
}

#[test]
fn the_limit_of_fields_holds_for_each_message() {
    let fields = |count: usize| {
        move |_: &mut [u8], io: &mut crate::Io<'_>| {
            for _ in 0..count {
                io.null();
            }
            Ok(Step::Message(1))
        }
    };
    let protocol = Scripted::default()
        .then(fields(2))
        .then(fields(2))
        .then(fields(3));
    let (mut session, mut scratch) = (session(&protocol), Scratch::default());
    scratch.limit_fields(2);
    let (outcome, result) = session.decode(&mut scratch, &mut [0; 9], 100);
    assert_eq!((outcome.messages, result), (2, Err(Fault::TooMuch)));
}

#[test]
fn decoding_stops_once_much_was_sent() {
    let send = |_: &mut [u8], io: &mut crate::Io<'_>| {
        io.send(&[0; 10]);
        Ok(Step::Skip(1))
    };
    let protocol = Scripted::default().then(send).then(send).then(send);
    let (mut session, mut scratch) = (session(&protocol), Scratch::default());
    scratch.limit_output(15, usize::MAX);
    let (outcome, result) = session.decode(&mut scratch, &mut [0; 9], 100);
    assert_eq!(
        (outcome.consumed, outcome.is_full, result),
        (2, true, Ok(()))
    );
}

#[test]
fn bytes_after_the_end_of_the_session_break_the_contract() {
    let at_once = Scripted::default().then(|_, io| {
        io.end();
        io.send(b"late");
        Ok(Step::Skip(1))
    });
    let later = Scripted::default()
        .then(|_, io| {
            io.end();
            Ok(Step::Skip(1))
        })
        .then(|_, io| {
            io.send(b"late");
            Ok(Step::Skip(1))
        });
    let mut scratch = Scratch::default();
    let (_, result) = session(&at_once).decode(&mut scratch, &mut [1], 100);
    assert_eq!((scratch.output(), result), (&b""[..], Err(Fault::Broken)));
    let mut session = session(&later);
    assert_eq!(session.decode(&mut scratch, &mut [1], 100).1, Ok(()));
    let (_, result) = session.decode(&mut scratch, &mut [1], 100);
    assert_eq!(result, Err(Fault::Broken));
}

#[test]
fn bytes_after_the_end_of_the_owner_are_dropped() {
    let protocol = Scripted::default()
        .then(|_, io| {
            io.send(b"bye");
            Ok(Step::Need(0))
        })
        .then(|_, io| {
            io.send(b"late");
            Ok(Step::Skip(1))
        });
    let (mut session, mut scratch) = (session(&protocol), Scratch::default());
    let _ = session.end(&mut scratch);
    assert_eq!(scratch.output(), b"bye");
    let (_, result) = session.decode(&mut scratch, &mut [1], 100);
    assert_eq!((scratch.output(), result), (&b""[..], Ok(())));
}

#[test]
fn a_failed_encode_sends_nothing() {
    let protocol = Scripted::default().then(|_, io| {
        io.send(b"half");
        Err(Error::too_long("at most 3 bytes"))
    });
    let mut scratch = Scratch::default();
    let (_, result) = session(&protocol).encode(&mut scratch, 0, b"");
    assert!(matches!(result, Err(Fault::Error(_))), "{result:?}");
    assert_eq!(scratch.output(), b"");
}

#[test]
fn a_failed_encode_changes_nothing_for_the_calls_after_it() {
    let protocol = Scripted::default()
        .then(|_, io| {
            io.set_timer(0, 5);
            io.end();
            Err(Error::too_long("at most 3 bytes"))
        })
        .then(|_, io| {
            io.send(b"pong");
            Ok(Step::Skip(1))
        });
    let (mut session, mut scratch) = (session(&protocol), Scratch::default());
    let (outcome, result) = session.encode(&mut scratch, 0, b"");
    assert!(matches!(result, Err(Fault::Error(_))), "{result:?}");
    assert!(!outcome.ends && !outcome.has_timers);
    assert_eq!(scratch.timers().count(), 0);
    let (_, result) = session.decode(&mut scratch, &mut [1], 100);
    assert_eq!((scratch.output(), result), (&b"pong"[..], Ok(())));
}

#[test]
fn fields_of_a_call_that_finds_no_messages_are_dropped() {
    let field = |_: &mut [u8], io: &mut crate::Io<'_>| {
        io.null();
        io.copied(b"x");
        Ok(Step::Need(0))
    };
    let protocol = Scripted::default().then(field).then(field).then(field);
    let (mut session, mut scratch) = (session(&protocol), Scratch::default());
    assert_eq!(session.start(&mut scratch).1, Ok(()));
    assert_eq!(session.timer(&mut scratch, 0).1, Ok(()));
    assert_eq!(session.end(&mut scratch).1, Ok(()));
    assert_eq!((scratch.table(), scratch.made()), (&[][..], &[][..]));
}

#[test]
fn a_session_that_needs_more_at_the_end_was_truncated() {
    let protocol = Scripted::default();
    let (_, result) = session(&protocol).decode_end(&mut Scratch::default(), &mut [1], 100);
    assert_eq!(result, Err(Fault::Error(Error::truncated())));
}

#[test]
fn a_long_text_of_an_error_is_cut_at_a_character() {
    let protocol = Scripted::default()
        .then(|_, _| Err(Error::new(crate::ErrorKind::Refused, "é".repeat(400))));
    let mut scratch = Scratch::default();
    let _ = session(&protocol).decode(&mut scratch, &mut [1], 100);
    assert_eq!(scratch.text(), "é".repeat(256));
}

#[test]
fn buffers_of_a_long_message_are_freed() {
    let protocol = Scripted::default().then(|_, io| {
        io.send(&vec![0; 4 << 20]);
        io.copied(&vec![0; 4 << 20]);
        for _ in 0..150_000 {
            io.null();
        }
        Ok(Step::Message(1))
    });
    let (mut session, mut scratch) = (session(&protocol), Scratch::default());
    assert_eq!(session.decode(&mut scratch, &mut [1], 100).1, Ok(()));
    assert_eq!(scratch.table().len(), 1 + 3 * 150_001);
    assert!(scratch.kept() > 9 << 20, "{}", scratch.kept());
    scratch.trim();
    assert!(scratch.kept() <= 3 * KEPT, "{}", scratch.kept());
    assert_eq!(
        (scratch.output(), scratch.made(), scratch.table()),
        (&[][..], &[][..], &[][..])
    );
}

#[test]
fn a_session_whose_making_panicked_fails_each_call() {
    struct Unmakable;
    impl crate::Protocol for Unmakable {
        type Session = super::ScriptedSession;
        const NAME: &'static str = "unmakable";
        fn session(&self, _role: Role) -> Self::Session {
            unreachable!("a bug")
        }
    }
    let mut session = Factory::new(Unmakable).session(Role::Client);
    assert_eq!(
        session.start(&mut Scratch::default()).1,
        panicked("session", "")
    );
    assert_eq!(session.limit(), 0);
}

#[test]
fn a_field_in_the_next_message_breaks_the_contract() {
    let protocol = Scripted::default()
        .then(|_, io| {
            io.field(0..2);
            Ok(Step::Message(1))
        })
        .then(|_, _| Ok(Step::Message(1)));
    let (outcome, result) =
        session(&protocol).decode(&mut Scratch::default(), &mut [1, 2], usize::MAX);
    assert_eq!((outcome.messages, result), (0, Err(Fault::Broken)));
}
