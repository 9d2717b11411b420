//! The built-in framings: what they read and write, however the input is cut, and what they refuse.

use std::num::NonZeroUsize;

use edgepoll::protocol::{
    Delimiter, Endian, ErrorKind, Factory, Fault, FixedSize, LengthPrefix, LengthSize, LineEnd,
    Lines, Netstring, Protocol, Role, TooLong,
};
use edgepoll_protocol::host::Scratch;
use edgepoll_protocol::testing::{check, round_trip, Came, Counted, SeenField};

#[global_allocator]
static MEMORY: Counted = Counted;

/// What an input gives: the messages, and the kind of the error behind them.
type Read = (Vec<String>, Option<ErrorKind>);

fn bytes_of(field: &SeenField) -> &[u8] {
    match field {
        SeenField::Bytes(bytes) => bytes,
        other => unreachable!("{other:?}"),
    }
}

fn kind(fault: &Fault) -> ErrorKind {
    match fault {
        Fault::Error(error) => error.kind(),
        other => unreachable!("{other:?}"),
    }
}

fn seen(came: &Came) -> Read {
    let fields = came.messages.iter().flat_map(|message| &message.fields);
    let texts = fields.map(|field| bytes_of(field).escape_ascii().to_string());
    (texts.collect(), came.fault.as_ref().map(kind))
}

/// Runs every check of the test kit on a framing with this input.
fn read<P: Protocol>(make: impl Fn() -> P, input: &[u8]) -> Read {
    let came = check(make, Role::Server, [input]);
    seen(&came[0])
}

fn messages(texts: &[&str]) -> Read {
    (texts.iter().map(ToString::to_string).collect(), None)
}

fn failed(texts: &[&str], kind: ErrorKind) -> Read {
    (messages(texts).0, Some(kind))
}

/// Checks that the messages arrive as they were written.
fn round_trips<P: Protocol>(make: impl Fn() -> P, written: &[&[u8]]) {
    let messages: Vec<(u8, &[u8])> = written.iter().map(|body| (0, *body)).collect();
    let arrived = round_trip(&make, &make, Role::Client, &messages);
    for (body, arrived) in written.iter().zip(arrived) {
        let fields = arrived.iter().flat_map(|message| &message.fields);
        assert_eq!(fields.map(bytes_of).collect::<Vec<_>>(), [*body]);
    }
}

fn written<P: Protocol>(protocol: P, body: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    let mut scratch = Scratch::default();
    let mut session = Factory::new(protocol).session(Role::Server);
    let (_, result) = session.encode(&mut scratch, 0, body);
    result
        .map(|()| scratch.output().to_vec())
        .map_err(|fault| kind(&fault))
}

/// How many bytes arrive, one by one, until the framing fails.
fn fails_after<P: Protocol>(protocol: P, input: &[u8]) -> usize {
    let mut scratch = Scratch::default();
    let mut session = Factory::new(protocol).session(Role::Server);
    let fails = |length: &usize| {
        let mut input = input[..*length].to_vec();
        session
            .decode(&mut scratch, &mut input, usize::MAX)
            .1
            .is_err()
    };
    (1..=input.len()).find(fails).unwrap_or_default()
}

/// How many bytes the framing asks for behind this input.
fn need<P: Protocol>(protocol: P, input: &[u8]) -> usize {
    let mut scratch = Scratch::default();
    let mut session = Factory::new(protocol).session(Role::Server);
    let (outcome, result) = session.decode(&mut scratch, &mut input.to_vec(), usize::MAX);
    assert_eq!((result, outcome.messages), (Ok(()), 0));
    outcome.need
}

const LONG_LINES: &[u8] = b"one\n12345\r\n123456\n1234567890123456789\r\n\ntwo\n12345\rx\n123456";

#[test]
fn lines_that_are_too_long_end_the_connection() {
    let close = || Lines::new(5);
    assert_eq!(
        read(close, LONG_LINES),
        failed(&["one", "12345"], ErrorKind::TooLong)
    );
}

#[test]
fn lines_that_are_too_long_are_skipped() {
    let skip = || Lines::new(5).too_long(TooLong::Skip);
    assert_eq!(
        read(skip, LONG_LINES),
        messages(&["one", "12345", "", "two"])
    );
}

#[test]
fn lines_that_are_too_long_are_reported_with_one_byte_beyond_the_limit() {
    let report = || Lines::new(5).too_long(TooLong::Report);
    let all = [
        "one", "12345", "123456", "123456", "", "two", "12345\\r", "123456",
    ];
    assert_eq!(read(report, LONG_LINES), messages(&all));
}

#[test]
fn lines_keep_their_ends() {
    let keep = || Lines::new(5).keep_end(true);
    assert_eq!(
        read(keep, b"a\r\n\n\rb\r\r\nlast\r"),
        messages(&["a\\r\\n", "\\n", "\\rb\\r\\r\\n", "last\\r"])
    );
    let report = || Lines::new(2).keep_end(true).too_long(TooLong::Report);
    assert_eq!(
        read(report, b"12\r\n1234\n"),
        messages(&["12\\r\\n", "123"])
    );
}

#[test]
fn lines_are_written_with_the_end_that_was_chosen() {
    let crlf = || Lines::new(5).write_end(LineEnd::CrLf);
    assert_eq!(written(crlf(), b"ab"), Ok(b"ab\r\n".to_vec()));
    assert_eq!(written(crlf(), b"a\nb"), Err(ErrorKind::Malformed));
    assert_eq!(written(crlf(), b"123456"), Err(ErrorKind::TooLong));
    round_trips(crlf, &[b"a", b"", b"b\r", b"12345"]);
}

fn delimiter(text: &[u8], limit: usize) -> Delimiter {
    match Delimiter::new(text, limit) {
        Some(delimiter) => delimiter,
        None => unreachable!("{} bytes", text.len()),
    }
}

#[test]
fn delimiters_of_any_length_are_found() {
    assert_eq!(
        read(|| delimiter(b";", 9), b"a;;bc;d"),
        messages(&["a", "", "bc", "d"])
    );
    assert_eq!(
        read(|| delimiter(b"aab", 9), b"aaabaabxaabaa"),
        messages(&["a", "", "x", "aa"])
    );
    let long = [b'-'; 64];
    let input = [&b"-x"[..], &long, b"y-", &long].concat();
    assert_eq!(
        read(|| delimiter(&long, 9), &input),
        messages(&["-x", "y", "-"])
    );
}

#[test]
fn a_delimiter_has_1_to_64_bytes() {
    assert!(Delimiter::new(b"", 9).is_none());
    assert!(Delimiter::new(&[0; 64], 9).is_some());
    assert!(Delimiter::new(&[0; 65], 9).is_none());
}

#[test]
fn messages_before_a_delimiter_have_a_limit() {
    let input = b"12345--123456--1--1234567890--12-";
    assert_eq!(
        read(|| delimiter(b"--", 5), input),
        failed(&["12345"], ErrorKind::TooLong)
    );
    let skip = || delimiter(b"--", 5).too_long(TooLong::Skip);
    assert_eq!(read(skip, input), messages(&["12345", "1", "12-"]));
    let report = || delimiter(b"--", 5).too_long(TooLong::Report).keep_end(true);
    let all = ["12345--", "123456", "1--", "123456", "12-"];
    assert_eq!(read(report, input), messages(&all));
    assert_eq!(fails_after(delimiter(b"--", 5), b"123456789"), 7);
}

#[test]
fn messages_that_would_be_cut_at_another_place_are_not_written() {
    for body in [&b"a--b"[..], b"--", b"a-"] {
        assert_eq!(
            written(delimiter(b"--", 9), body),
            Err(ErrorKind::Malformed)
        );
    }
    assert_eq!(
        written(delimiter(b"-+-", 9), b"-+"),
        Err(ErrorKind::Malformed)
    );
    assert_eq!(
        written(delimiter(b"--", 3), b"1234"),
        Err(ErrorKind::TooLong)
    );
    round_trips(|| delimiter(b"-+", 9), &[b"-", b"", b"+", b"a+-", b"--"]);
}

const SIZES: [LengthSize; 6] = [
    LengthSize::U8,
    LengthSize::U16,
    LengthSize::U24,
    LengthSize::U32,
    LengthSize::U64,
    LengthSize::Varint,
];

#[test]
fn lengths_of_all_sizes_are_read_and_written() {
    for endian in [Endian::Big, Endian::Little] {
        for size in SIZES {
            for (inclusive, adjust) in [(false, 0), (true, 0), (false, 3), (true, -2)] {
                let make = || {
                    LengthPrefix::new(size, 100_000)
                        .endian(endian)
                        .inclusive(inclusive)
                        .adjust(adjust)
                };
                round_trips(make, &[b"abc", &[7; 118], &[8; 124], &[9; 127]]);
                if size != LengthSize::U8 {
                    round_trips(make, &[&[1; 128], &[2; 255], &[3; 16_383], &[4; 16_384]]);
                }
            }
        }
    }
}

#[test]
fn the_order_of_bytes_is_that_of_the_options() {
    let make = |size, endian| LengthPrefix::new(size, 9).endian(endian);
    assert_eq!(
        written(make(LengthSize::U24, Endian::Big), b"ab"),
        Ok(b"\0\0\x02ab".to_vec())
    );
    assert_eq!(
        written(make(LengthSize::U24, Endian::Little), b"ab"),
        Ok(b"\x02\0\0ab".to_vec())
    );
    assert_eq!(
        read(
            || make(LengthSize::U32, Endian::Little),
            b"\x02\0\0\0ab\0\0\0\0\x01\0\0\0c"
        ),
        messages(&["ab", "", "c"])
    );
    assert_eq!(
        read(
            || make(LengthSize::U64, Endian::Big),
            b"\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\0\0"
        ),
        messages(&["a", ""])
    );
}

#[test]
fn varints_are_those_of_protocol_buffers() {
    let make = || LengthPrefix::new(LengthSize::Varint, 300);
    let input = [&b"\x01a\x00\x82\x00bc\xac\x02"[..], &[b'x'; 300]].concat();
    let long = "x".repeat(300);
    assert_eq!(read(make, &input), messages(&["a", "", "bc", &long]));
    assert_eq!(
        written(make(), &[b'x'; 300]),
        Ok([&b"\xac\x02"[..], &[b'x'; 300]].concat())
    );
    let largest = [&[0xff; 9][..], b"\x01"].concat();
    assert_eq!(read(make, &largest), failed(&[], ErrorKind::TooLong));
    let larger = [&[0xff; 9][..], b"\x02"].concat();
    assert_eq!(read(make, &larger), failed(&[], ErrorKind::Malformed));
}

#[test]
fn a_length_above_the_limit_fails_before_the_body_arrives() {
    let make = |size| LengthPrefix::new(size, 5);
    let input = b"\0\0\0\x06......";
    assert_eq!(
        read(|| make(LengthSize::U32), b"\0\0\0\x05.....\0\0\0\x06......"),
        failed(&["....."], ErrorKind::TooLong)
    );
    assert_eq!(fails_after(make(LengthSize::U32), input), 4);
    assert_eq!(fails_after(make(LengthSize::U8), b"\xff"), 1);
    assert_eq!(fails_after(make(LengthSize::U64), &[0xff; 8]), 8);
    assert_eq!(
        written(make(LengthSize::U8), b"123456"),
        Err(ErrorKind::TooLong)
    );
    let wide = LengthPrefix::new(LengthSize::U8, 1000);
    assert_eq!(written(wide, &[0; 256]), Err(ErrorKind::Malformed));
}

#[test]
fn a_length_that_is_less_than_that_of_its_header_fails() {
    let inclusive = || LengthPrefix::new(LengthSize::U16, 9).inclusive(true);
    assert_eq!(
        read(inclusive, b"\0\x02\0\x03a\0\x01"),
        failed(&["", "a"], ErrorKind::Malformed)
    );
    let adjusted = || LengthPrefix::new(LengthSize::U8, 9).adjust(-2);
    assert_eq!(
        read(adjusted, b"\x03a\x02\x01"),
        failed(&["a", ""], ErrorKind::Malformed)
    );
    let more = || LengthPrefix::new(LengthSize::U8, 9).adjust(2);
    assert_eq!(read(more, b"\x00ab\x01abc"), messages(&["ab", "abc"]));
    assert_eq!(written(more(), b"a"), Err(ErrorKind::Malformed));
    let most = LengthPrefix::new(LengthSize::U64, 9).adjust(i64::MAX);
    assert_eq!(fails_after(most, &[0xff; 8]), 8);
}

#[test]
fn headers_are_kept_or_not() {
    let input = b"T\x02ab.U\x00.";
    let base = || LengthPrefix::new(LengthSize::U8, 9).offset(1).adjust(1);
    assert_eq!(read(base, input), messages(&["ab.", "."]));
    let keep = || base().keep_header(true);
    assert_eq!(read(keep, input), messages(&["T\\x02ab.", "U\\x00."]));
    for make in [base(), keep()] {
        assert_eq!(written(make, b"T\x02ab."), Ok(b"T\x02ab.".to_vec()));
        for bad in [&b"T\x02ab"[..], b"T\x02ab..", b"T", b""] {
            assert_eq!(written(make, bad), Err(ErrorKind::Malformed));
        }
    }
    // The fixed header of MQTT: one byte, and then the length as a varint.
    let mqtt = || {
        LengthPrefix::new(LengthSize::Varint, 1000)
            .offset(1)
            .keep_header(true)
    };
    let publish = [&b"\x30\xc8\x01"[..], &[b'x'; 200]].concat();
    round_trips(mqtt, &[b"\xc0\x00", &publish]);
}

#[test]
fn a_length_prefix_needs_its_header_and_then_its_body() {
    let make = || LengthPrefix::new(LengthSize::U16, 9).offset(3);
    assert_eq!(need(make(), b"x"), 5);
    assert_eq!(need(make(), b"xyz\0\x07a"), 12);
    let varint = || LengthPrefix::new(LengthSize::Varint, 1 << 20);
    assert_eq!(need(varint(), b"\x80"), 2);
    assert_eq!(need(varint(), b"\x80\x01."), 130);
}

#[test]
fn messages_of_one_size_are_cut_and_written() {
    let make = || FixedSize::new(NonZeroUsize::MIN.saturating_add(2));
    assert_eq!(read(make, b"abcdef"), messages(&["abc", "def"]));
    assert_eq!(read(make, b"abcde"), failed(&["abc"], ErrorKind::Truncated));
    assert_eq!(written(make(), b"ab"), Err(ErrorKind::Malformed));
    assert_eq!(need(make(), b"ab"), 3);
    round_trips(make, &[b"abc", b"\0\0\0"]);
}

#[test]
fn netstrings_are_read_and_written() {
    let make = || Netstring::new(12);
    assert_eq!(
        read(make, b"5:hello,0:,12:hello world!,"),
        messages(&["hello", "", "hello world!"])
    );
    assert_eq!(
        written(make(), b"hello world!"),
        Ok(b"12:hello world!,".to_vec())
    );
    assert_eq!(written(make(), &[0; 13]), Err(ErrorKind::TooLong));
    round_trips(make, &[b"", b"a,", b"0123456789"]);
    assert_eq!(need(make(), b"12:he"), 16);
}

#[test]
fn what_is_no_netstring_fails_at_its_first_wrong_byte() {
    for (input, length, fault) in [
        (&b"13:"[..], 2, ErrorKind::TooLong),
        (b"99999999999999999999999", 2, ErrorKind::TooLong),
        (b"01:a,", 2, ErrorKind::Malformed),
        (b"00", 2, ErrorKind::Malformed),
        (b":a", 1, ErrorKind::Malformed),
        (b"-1", 1, ErrorKind::Malformed),
        (b"1 :", 2, ErrorKind::Malformed),
        (b"1:a;", 4, ErrorKind::Malformed),
    ] {
        assert_eq!(read(|| Netstring::new(12), input), failed(&[], fault));
        assert_eq!(fails_after(Netstring::new(12), input), length);
    }
}

#[test]
fn input_that_ends_inside_a_message_fails() {
    let truncated = failed(&[], ErrorKind::Truncated);
    assert_eq!(read(|| Netstring::new(12), b"2:a"), truncated);
    assert_eq!(read(|| Netstring::new(12), b"1"), truncated);
    let prefix = || LengthPrefix::new(LengthSize::U16, 9);
    assert_eq!(read(prefix, b"\0"), truncated);
    assert_eq!(read(prefix, b"\0\x02a"), truncated);
}

#[test]
fn the_largest_limits_do_not_overflow() {
    let mut scratch = Scratch::default();
    let most = usize::MAX;
    let factories = [
        (
            Factory::new(Lines::new(most).too_long(TooLong::Report)),
            &b"part"[..],
        ),
        (Factory::new(delimiter(b"--", most)), b"part"),
        (
            Factory::new(LengthPrefix::new(LengthSize::U64, most).offset(2)),
            b"xy\0\0\0\0\xff\xff\xff\xf0",
        ),
        (
            Factory::new(LengthPrefix::new(LengthSize::U8, most).offset(most)),
            b"part",
        ),
        (Factory::new(FixedSize::new(NonZeroUsize::MAX)), b"part"),
        (Factory::new(Netstring::new(most)), b"999:part"),
    ];
    for (factory, input) in factories {
        let mut session = factory.session(Role::Server);
        let (outcome, result) = session.decode(&mut scratch, &mut input.to_vec(), most);
        assert_eq!((outcome.messages, result), (0, Ok(())));
        assert_eq!(session.limit(), most);
    }
}
