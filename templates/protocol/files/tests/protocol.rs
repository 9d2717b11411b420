//! What the session reads and writes, whatever the cuts.

use edgepoll_protocol::host::Fault;
use edgepoll_protocol::testing::{check, converse, round_trip, Counted, Line, Seen, SeenField};
use edgepoll_protocol::{Error, Role};
use edgepoll_protocol_name::{ProtocolName, MESSAGE, PING};

// For the check that memory does not grow.
#[global_allocator]
static MEMORY: Counted = Counted;

fn message(topic: &str, payload: &str) -> Seen {
    let bytes = |text: &str| SeenField::Bytes(text.into());
    Seen {
        kind: MESSAGE,
        continues: false,
        fields: vec![bytes(topic), bytes(payload)],
    }
}

#[test]
fn a_server_reads_messages_and_answers_pings() {
    let transcript = b"\0\0\0\x07\x03foobar\0\0\0\0\0\0\0\x01\0";
    let came = check(ProtocolName::default, Role::Server, [transcript]).remove(0);
    assert_eq!(came.messages, [message("foo", "bar"), message("", "")]);
    assert_eq!(came.output, [0; 4]);
    assert_eq!(came.fault, None);
}

#[test]
fn what_breaks_the_rules_is_refused() {
    let make = || ProtocolName { max_length: 100 };
    let transcripts: [&[u8]; 3] = [b"\0\0\0\x65", b"\0\0\0\x02\x02x", b"\0\0\0\x02\0"];
    let came = check(make, Role::Server, transcripts);
    let faults: Vec<_> = came.into_iter().map(|came| came.fault).collect();
    let errors = [
        Error::too_long("a message is longer than maxLength"),
        Error::malformed("a topic is longer than its message"),
        Error::truncated(),
    ];
    assert_eq!(faults, errors.map(|error| Some(Fault::Error(error))));
}

#[test]
fn what_is_written_arrives() {
    let make = ProtocolName::default;
    let bodies: [(u8, &[u8]); 2] = [(MESSAGE, b"\x03foobar"), (MESSAGE, b"\0")];
    let arrived = round_trip(make, make, Role::Client, &bodies);
    assert_eq!(arrived, [[message("foo", "bar")], [message("", "")]]);
}

#[test]
fn a_client_hears_of_the_answer_to_its_ping() {
    let make = ProtocolName::default;
    let came = converse(make, make, &[Line::client(PING, [])]);
    let kinds: Vec<_> = came.client.messages.iter().map(|seen| seen.kind).collect();
    assert_eq!(kinds, [PING]);
    assert_eq!(came.server.messages, []);
}
