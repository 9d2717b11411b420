//! What clients read: the fields of replies, and the same outcome however the input is cut.

use edgepoll_protocol::host::{Factory, Fault};
use edgepoll_protocol::testing::{any_cut_gives_the_same, feed, survives, Came, SeenField};
use edgepoll_protocol::{ErrorKind, Role};
use edgepoll_resp::{kind, RespClient, Settings, MOST_FIELDS};

const SEEDS: u64 = 200;

fn read_with(settings: &Settings, wire: &[u8]) -> Came {
    any_cut_gives_the_same(
        || RespClient::new(settings.clone()),
        Role::Client,
        wire,
        SEEDS,
    )
}

/// Each message as its kind and its fields.
fn seen(came: &Came) -> Vec<String> {
    let field = |field: &SeenField| match field {
        SeenField::Bytes(bytes) => bytes.escape_ascii().to_string(),
        SeenField::Null => unreachable!("nulls have headers"),
        SeenField::Integer(value) => match u8::try_from(value & 0xff) {
            // A header.
            Ok(kind) if *value > 255 => format!("{}#{kind}", value >> 8),
            _ => format!("#{value}"),
        },
        SeenField::Double(value) => format!("{value:?}"),
    };
    let message = |message: &edgepoll_protocol::testing::Seen| {
        let fields: Vec<String> = message.fields.iter().map(field).collect();
        let more = if message.continues { "…" } else { "" };
        format!("{}: {}{more}", message.kind, fields.join(" "))
    };
    came.messages.iter().map(message).collect()
}

fn replies(wire: &[u8]) -> Vec<String> {
    let came = read_with(&Settings::default(), wire);
    assert_eq!(came.fault, None);
    assert_eq!(came.output, b"");
    seen(&came)
}

fn one(wire: &[u8]) -> String {
    let mut replies = replies(wire);
    assert_eq!(replies.len(), 1);
    replies.remove(0)
}

fn fails(settings: &Settings, wire: &[u8], kind: ErrorKind) {
    match read_with(settings, wire).fault {
        Some(Fault::Error(error)) => {
            assert_eq!(error.kind(), kind, "{}", wire.escape_ascii());
        }
        other => unreachable!("{}: {other:?}", wire.escape_ascii()),
    }
}

/// The examples of Redis's documentation of the protocol.
#[test]
fn each_type_of_the_documentation() {
    assert_eq!(one(b"+OK\r\n"), "1: OK");
    assert_eq!(one(b"-Error message\r\n"), "2: Error message");
    assert_eq!(one(b":0\r\n"), "3: #0");
    assert_eq!(one(b":+100\r\n"), "3: #100");
    assert_eq!(one(b":-1000\r\n"), "3: #-1000");
    assert_eq!(one(b"$5\r\nhello\r\n"), "4: hello");
    assert_eq!(one(b"$0\r\n\r\n"), "4: ");
    assert_eq!(one(b"$-1\r\n"), "5: ");
    assert_eq!(one(b"*0\r\n"), "10: #0");
    assert_eq!(
        one(b"*2\r\n$5\r\nhello\r\n$5\r\nworld\r\n"),
        "10: #2 2#4 hello world"
    );
    assert_eq!(one(b"*3\r\n:1\r\n:2\r\n:3\r\n"), "10: #3 #3 #1 #3 #2 #3 #3");
    assert_eq!(
        one(b"*2\r\n*3\r\n:1\r\n:2\r\n:3\r\n*2\r\n+Hello\r\n-World\r\n"),
        "10: #2 3#10 #3 #1 #3 #2 #3 #3 2#10 #1 Hello #2 World"
    );
    assert_eq!(one(b"*-1\r\n"), "5: ");
    assert_eq!(
        one(b"*3\r\n$5\r\nhello\r\n$-1\r\n$5\r\nworld\r\n"),
        "10: #3 1#4 hello #5 1#4 world"
    );
    assert_eq!(one(b"_\r\n"), "5: ");
    assert_eq!(one(b"#t\r\n"), "7: #1");
    assert_eq!(one(b"#f\r\n"), "7: #0");
    assert_eq!(one(b",1.23\r\n"), "6: 1.23");
    assert_eq!(one(b",10\r\n"), "6: 10.0");
    assert_eq!(one(b",-1.5e-3\r\n"), "6: -0.0015");
    assert_eq!(one(b",inf\r\n"), "6: inf");
    assert_eq!(one(b",-inf\r\n"), "6: -inf");
    let digits = "3492890328409238509324850943850943825024385";
    assert_eq!(
        one(format!("({digits}\r\n").as_bytes()),
        format!("8: {digits}")
    );
    assert_eq!(
        one(b"!21\r\nSYNTAX invalid syntax\r\n"),
        "2: SYNTAX invalid syntax"
    );
    assert_eq!(one(b"=15\r\ntxt:Some string\r\n"), "9: txt Some string");
    assert_eq!(
        one(b"%2\r\n+first\r\n:1\r\n+second\r\n:2\r\n"),
        "12: #2 #1 first #3 #1 #1 second #3 #2"
    );
    assert_eq!(one(b"~2\r\n+a\r\n#t\r\n"), "11: #2 #1 a 1#7");
    assert_eq!(
        one(b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n"),
        "13: #3 3#4 message c hi"
    );
    assert_eq!(
        one(b"|1\r\n+key-popularity\r\n%2\r\n$1\r\na\r\n,0.1923\r\n$1\r\nb\r\n,0.0012\r\n*2\r\n:2039123\r\n:9543892\r\n"),
        "14: #1 #1 key-popularity 2#12 1#4 a #6 0.1923 1#4 b #6 0.0012 2#10 #3 7965#83 #3 37280#212"
    );
    assert_eq!(
        one(b"*3\r\n:1\r\n:2\r\n|1\r\n+ttl\r\n:3600\r\n:3\r\n"),
        "10: #3 #3 #1 #3 #2 1#14 #1 ttl #3 14#16 #3 #3"
    );
}

#[test]
fn bulk_strings_in_a_row_have_one_header() {
    assert_eq!(
        one(b"*3\r\n*1\r\n$1\r\na\r\n$1\r\nb\r\n*3\r\n$1\r\nc\r\n$-1\r\n$1\r\nd\r\n"),
        "10: #3 1#10 2#4 a b 3#10 1#4 c #5 1#4 d"
    );
}

#[test]
fn pipelined_replies() {
    assert_eq!(
        replies(b"+OK\r\n:1\r\n*1\r\n*1\r\n*0\r\n$1\r\nx\r\n*1\r\n_\r\n-ERR no\r\n"),
        [
            "1: OK",
            "3: #1",
            "10: #1 1#10 #10",
            "4: x",
            "10: #1 #5",
            "2: ERR no"
        ]
    );
}

#[test]
fn malformed_replies() {
    let settings = Settings::default();
    for wire in [
        &b"x\r\n"[..],
        b"\r\n",
        b":1x\r\n",
        b":\r\n",
        b":+-1\r\n",
        b":++1\r\n",
        b"$-2\r\n",
        b"$x\r\n",
        b"$1\r\nab\r\n",
        b"*-2\r\n",
        b"*4294967296\r\n",
        b"%-1\r\n",
        b"=-1\r\n",
        b"=3\r\ntxt\r\n",
        b"_x\r\n",
        b"#x\r\n",
        b"#\r\n",
        b",infinity\r\n",
        b",1e999\r\n",
        b",\r\n",
        b"(1.5\r\n",
        b"(-\r\n",
        b"+a\rb\r\n",
        b"+a\n",
        b"*1\r\nx",
    ] {
        fails(&settings, wire, ErrorKind::Malformed);
    }
    for wire in [
        &b"+OK"[..],
        b"+OK\r",
        b"*2\r\n+a\r\n",
        b"$3\r\nab",
        b"|0\r\n",
    ] {
        fails(&settings, wire, ErrorKind::Truncated);
    }
}

#[test]
fn limits() {
    let settings = Settings {
        max_bulk: 5,
        max_total: 30,
        ..Settings::default()
    };
    fails(&settings, b"$6\r\n", ErrorKind::TooLong);
    fails(
        &settings,
        b"*3\r\n$5\r\n01234\r\n$5\r\n01234\r\n$5\r\n",
        ErrorKind::TooLong,
    );
    let mut numbers = b"*4\r\n".to_vec();
    numbers.extend(b":1234567\r\n".repeat(4));
    fails(&settings, &numbers, ErrorKind::TooLong);
    let deep = b"*1\r\n".repeat(129);
    fails(&Settings::default(), &deep, ErrorKind::Malformed);
    let mut deep = b"*1\r\n".repeat(128);
    deep.extend_from_slice(b":1\r\n");
    assert_eq!(replies(&deep).len(), 1);
}

#[test]
fn a_long_line_is_refused() {
    let mut wire = vec![b'+'];
    wire.resize(70_000, b'a');
    let mut session = Factory::new(RespClient::default()).session(Role::Client);
    let came = feed(&mut session, wire.chunks(999), usize::MAX);
    let Some(Fault::Error(error)) = came.fault else {
        unreachable!("{came:?}");
    };
    assert_eq!(error.kind(), ErrorKind::TooLong);
}

#[test]
fn a_reply_with_very_many_values_comes_as_it_is() {
    for count in [MOST_FIELDS - 2, MOST_FIELDS - 1] {
        let mut wire = format!("*{count}\r\n").into_bytes();
        wire.extend(b"$1\r\nx\r\n".repeat(count));
        let length = wire.len();
        wire.extend_from_slice(b"+OK\r\n");
        for piece in [wire.len(), 1000, 7] {
            let mut session = Factory::new(RespClient::default()).session(Role::Client);
            let came = feed(&mut session, wire.chunks(piece), usize::MAX);
            assert_eq!(came.messages.len(), 2);
            let message = &came.messages[0];
            if count + 2 == MOST_FIELDS {
                assert_eq!(
                    (message.kind, message.fields.len()),
                    (kind::ARRAY, count + 2)
                );
            } else {
                assert_eq!(message.kind, kind::RAW);
                assert_eq!(message.fields, [SeenField::Bytes(wire[..length].to_vec())]);
            }
        }
    }
}

#[test]
fn a_long_string_comes_in_parts_if_it_is_the_whole_reply() {
    let settings = Settings {
        stream: Some(4),
        ..Settings::default()
    };
    let came = read_with(
        &settings,
        b"$10\r\n0123456789\r\n*1\r\n$5\r\nwhole\r\n$4\r\nfour\r\n$8\r\nabcdefgh\r\n",
    );
    assert_eq!(
        seen(&came),
        [
            "255: 0123 #6…",
            "255: 4567 #2…",
            "255: 89 #0",
            "10: #1 1#4 whole",
            "4: four",
            "255: abcd #4…",
            "255: efgh #0",
        ]
    );
}

#[test]
fn no_bytes_break_it() {
    let like = b"*3\r\n:1\r\n|1\r\n+ttl\r\n:3600\r\n$3\r\nabc\r\n%1\r\n~1\r\n#t\r\n>1\r\n,1.5\r\n=7\r\ntxt:abc\r\n(123\r\n!3\r\nERR\r\n_\r\n";
    survives(RespClient::default, Role::Client, 20_000, like);
    let settings = Settings {
        stream: Some(2),
        max_total: 60,
        ..Settings::default()
    };
    survives(
        || RespClient::new(settings.clone()),
        Role::Client,
        20_000,
        like,
    );
}
