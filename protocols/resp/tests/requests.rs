//! What servers read: the fields of requests, refusals in Redis's words, and the same outcome however the input is cut.

use edgepoll_protocol::host::Fault;
use edgepoll_protocol::testing::{any_cut_gives_the_same, survives, Came, Seen, SeenField};
use edgepoll_protocol::{ErrorKind, Role};
use edgepoll_resp::{kind, Commands, Resp, Settings, MOST_FIELDS};

const SEEDS: u64 = 200;

fn read_with(settings: &Settings, wire: &[u8]) -> Came {
    any_cut_gives_the_same(|| Resp::new(settings.clone()), Role::Server, wire, SEEDS)
}

fn read(wire: &[u8]) -> Came {
    read_with(&Settings::default(), wire)
}

fn bytes(field: &SeenField) -> String {
    match field {
        SeenField::Bytes(bytes) => bytes.escape_ascii().to_string(),
        other => format!("{other:?}"),
    }
}

fn words(message: &Seen) -> Vec<String> {
    message.fields.iter().map(bytes).collect()
}

fn commands(came: &Came) -> Vec<Vec<String>> {
    assert_eq!(came.fault, None);
    came.messages.iter().map(words).collect()
}

/// A request that is an array of bulk strings.
fn array(arguments: &[&[u8]]) -> Vec<u8> {
    let mut wire = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        wire.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        wire.extend_from_slice(argument);
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

/// The wire is refused with this reply, after so many requests.
fn refused(settings: &Settings, wire: &[u8], requests: usize, reply: &str, kind: ErrorKind) {
    let came = read_with(settings, wire);
    assert_eq!(came.messages.len(), requests, "{came:?}");
    let output = came.output.escape_ascii().to_string();
    assert_eq!(output, format!("-ERR Protocol error: {reply}\\r\\n"));
    match came.fault {
        Some(Fault::Error(error)) => assert_eq!(error.kind(), kind),
        other => unreachable!("{other:?}"),
    }
}

fn malformed(wire: &[u8], requests: usize, reply: &str) {
    refused(
        &Settings::default(),
        wire,
        requests,
        reply,
        ErrorKind::Malformed,
    );
}

#[test]
fn pipelined_requests_of_both_forms() {
    // The first ones are from Redis's documentation of the protocol.
    let wire = b"*2\r\n$4\r\nLLEN\r\n$6\r\nmylist\r\n*2\r\n$5\r\nhello\r\n$1\r\n3\r\nPING\r\nEXISTS somekey\r\n\
        \r\n\n*0\r\n*-10\r\n*2\r\n$3\r\nget\r\n$0\r\n\r\n*3\r\n$3\r\nset\r\n$1\r\nk\r\n$4\r\n\r\n\x00\xff\r\n set 'a b' \"\\x00\"\n";
    let expected: [&[&str]; 7] = [
        &["LLEN", "mylist"],
        &["HELLO", "3"],
        &["PING"],
        &["EXISTS", "somekey"],
        &["GET", ""],
        &["SET", "k", r"\r\n\x00\xff"],
        &["SET", "a b", r"\x00"],
    ];
    assert_eq!(commands(&read(wire)), expected);
}

#[test]
fn commands_have_the_kinds_that_were_asked_for() {
    let settings = Settings {
        commands: Commands::new(["get", "set"]).expect("two names"),
        ..Settings::default()
    };
    let came = read_with(
        &settings,
        b"*2\r\n$3\r\nGeT\r\n$1\r\nk\r\nset k v\r\n\"set\" k v\r\nping\r\n",
    );
    let kinds: Vec<u8> = came.messages.iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [1, 2, 2, kind::COMMAND]);
}

#[test]
fn arguments_behind_the_most_fields_come_as_they_are() {
    let argument: &[u8] = b"x";
    let mut arguments = vec![argument; MOST_FIELDS + 2];
    arguments[0] = b"mset";
    arguments[MOST_FIELDS] = b"first";
    let wire = array(&arguments);
    // Not by any_cut_gives_the_same, which would take minutes for an input of this length.
    let settings = Settings::default();
    for piece in [wire.len(), 1000, 7] {
        let mut session = edgepoll_protocol::host::Factory::new(Resp::new(settings.clone()))
            .session(Role::Server);
        let came = edgepoll_protocol::testing::feed(&mut session, wire.chunks(piece), usize::MAX);
        assert_eq!(came.messages.len(), 1);
        let fields = &came.messages[0].fields;
        assert_eq!(fields.len(), MOST_FIELDS + 2);
        assert_eq!(bytes(&fields[0]), "MSET");
        assert_eq!(fields[MOST_FIELDS], SeenField::Integer(2));
        assert_eq!(
            bytes(&fields[MOST_FIELDS + 1]),
            r"$5\r\nfirst\r\n$1\r\nx\r\n"
        );
    }
}

#[test]
fn malformed_requests_are_answered_as_redis_answers_them() {
    malformed(b"*3000000000\r\n", 0, "invalid multibulk length");
    malformed(b"*1048577\r\n", 0, "invalid multibulk length");
    malformed(b"*x\r\n", 0, "invalid multibulk length");
    malformed(b"*\x00", 0, "invalid multibulk length");
    malformed(b"*1\r\nfoo\r\n", 0, "expected \\'$\\', got \\'f\\'");
    malformed(b"*1\r\n\r\n", 0, "expected \\'$\\', got \\' \\'");
    malformed(
        b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n",
        0,
        "expected \\'$\\', got \\'f\\'",
    );
    malformed(b"*2\r\n$3\r\nGET\r\n$-10\r\n", 0, "invalid bulk length");
    malformed(
        b"*2\r\n$3\r\nGET\r\n$2000000000\r\n",
        0,
        "invalid bulk length",
    );
    malformed(b"*2\r\n$3\r\nGET\r\n$blabla\r\n", 0, "invalid bulk length");
    malformed(
        b"ping\r\nset \"\"\"test-key\"\"\" test-value\r\nping\r\n",
        1,
        "unbalanced quotes in request",
    );
    malformed(b"*1\r\n$4\r\nPINGxx", 0, "expected CR LF behind a bulk");
    malformed(b"a\0b\r\n", 0, "zero byte in inline request");
}

#[test]
fn a_long_line_is_refused() {
    let wire = vec![b'a'; 65_538];
    let mut session = edgepoll_protocol::host::Factory::new(Resp::default()).session(Role::Server);
    let came = edgepoll_protocol::testing::feed(&mut session, wire.chunks(999), usize::MAX);
    assert_eq!(
        came.output,
        b"-ERR Protocol error: too big inline request\r\n"
    );
}

#[test]
fn limits_of_the_settings() {
    let settings = Settings {
        max_arguments: 3,
        max_bulk: 5,
        max_total: 64,
        ..Settings::default()
    };
    let kind = ErrorKind::Malformed;
    refused(&settings, b"*4\r\n", 0, "invalid multibulk length", kind);
    refused(&settings, b"*1\r\n$6\r\n", 0, "invalid bulk length", kind);
    let settings = Settings {
        max_total: 40,
        ..Settings::default()
    };
    let fits = array(&[b"get", &[b'k'; 18]]);
    assert_eq!(fits.len(), 40 - 2);
    assert_eq!(commands(&read_with(&settings, &fits)).len(), 1);
    let long = array(&[b"get", &[b'k'; 21]]);
    refused(&settings, &long, 0, "too big request", ErrorKind::TooLong);
}

#[test]
fn limits_before_authentication() {
    let settings = Settings {
        unauthenticated: true,
        ..Settings::default()
    };
    let kind = ErrorKind::Refused;
    let reply = "unauthenticated multibulk length";
    refused(&settings, b"*11\r\n", 0, reply, kind);
    let reply = "unauthenticated bulk length";
    refused(&settings, b"PING\r\n*1\r\n$16385\r\n", 1, reply, kind);
    assert_eq!(
        commands(&read_with(&settings, &array(&[b"auth", b"secret"]))).len(),
        1
    );
}

#[test]
fn long_arguments_come_in_parts() {
    let settings = Settings {
        stream: Some(4),
        ..Settings::default()
    };
    let mut wire = array(&[b"set", b"k", b"0123456789", b"abcdefgh", b"ex", b"10"]);
    wire.extend_from_slice(&array(&[b"append", b"k", b"five!"]));
    wire.extend_from_slice(b"PING\r\n");
    let came = read_with(&settings, &wire);
    let seen: Vec<String> = came
        .messages
        .iter()
        .map(|message| {
            let more = if message.continues { "…" } else { "" };
            format!("{} {}{more}", message.kind, words(message).join(","))
        })
        .collect();
    assert_eq!(
        seen,
        [
            "0 SET,k…",
            "255 0123,Integer(6)…",
            "255 4567,Integer(2)…",
            "255 89,Integer(0)…",
            "255 abcd,Integer(4)…",
            "255 efgh,Integer(0)…",
            "254 ex,10",
            "0 APPEND,k…",
            "255 five,Integer(1)…",
            "255 !,Integer(0)",
            "0 PING",
        ]
    );
}

#[test]
fn an_end_inside_a_request_is_an_error() {
    for wire in [&b"*1\r\n$4\r\nPIN"[..], b"PING", b"*", b"*1\r\n$4"] {
        match read(wire).fault {
            Some(Fault::Error(error)) => assert_eq!(error.kind(), ErrorKind::Truncated),
            other => unreachable!("{other:?}"),
        }
    }
}

#[test]
fn no_bytes_break_it() {
    let mut like = array(&[b"set", b"key", b"0123456789", b"nx"]);
    like.extend_from_slice(b"set \"a\\x00\" 'b'\r\n*0\r\nping\r\n");
    like.extend_from_slice(&array(&[b"get", b""]));
    survives(Resp::default, Role::Server, 20_000, &like);
    let settings = Settings {
        stream: Some(3),
        max_total: 60,
        commands: Commands::new(["get", "set"]).expect("two names"),
        ..Settings::default()
    };
    survives(|| Resp::new(settings.clone()), Role::Server, 20_000, &like);
}
