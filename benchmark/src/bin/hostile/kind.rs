//! The kinds of hostile clients, and what each does.

use std::time::Duration;

use clap::ValueEnum;

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// Sends a byte a second, and no end of the line.
    ByteASecond,
    /// Sends nothing.
    Mute,
    /// Sends lines and reads nothing.
    NeverReads,
    /// Sends lines and reads a byte a second, with the smallest receive window.
    Sips,
    /// Sends lines as fast as it can, and reads all replies.
    Flood,
    /// Sends lines as fast as it can, and reads nothing.
    FloodBlind,
    /// Sends empty lines as fast as it can, and reads all replies.
    EmptyLines,
    /// Connects, sends a line and resets.
    Reset,
    /// Connects, sends a line and closes without reading the reply.
    Close,
    /// Connects and closes.
    Scan,
    /// Connects, ends its side at once, and waits for the server's end.
    Fin,
    /// Sends urgent bytes.
    Urgent,
    /// Sends a line without an end as fast as it can.
    EndlessLine,
}

/// How long a client whose connection has ended waits before it connects again.
const AGAIN: Duration = Duration::from_secs(1);
/// The same for clients that do nothing else than connect.
const STORM: Duration = Duration::from_millis(400);

#[derive(Clone, Copy)]
pub(crate) enum Sends {
    Nothing,
    /// These bytes, as often as the kernel takes them.
    Flood(&'static [u8]),
    /// These bytes at each beat, as far as the kernel takes them.
    Beat(&'static [u8]),
    /// A byte of urgent data at each beat, after a line.
    Urgent(&'static [u8]),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    Nothing,
    All,
    /// A byte at each beat.
    Sips,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Only the server ends the connection.
    Never,
    Reset,
    Close,
    Fin,
}

/// What a client does with a connection.
#[derive(Clone, Copy)]
pub(crate) struct Script {
    pub(crate) sends: Sends,
    pub(crate) reads: Reads,
    /// After the first send.
    pub(crate) ends: Ends,
    pub(crate) beat: Option<Duration>,
    pub(crate) again: Duration,
}

const LINE: usize = 64;
const FLOOD: usize = 16 * 1024;

/// Lines of 64 bytes.
static LINES: [u8; FLOOD] = lines(LINE);
/// Lines of 1,024 bytes.
static LONG_LINES: [u8; FLOOD] = lines(1024);
/// So many of them that they fill the kernel's buffers within seconds.
static MANY_LINES: [u8; 8 * FLOOD] = lines(1024);
static EMPTY_LINES: [u8; FLOOD] = [b'\n'; FLOOD];
static NO_LINE: [u8; FLOOD] = [b'x'; FLOOD];

const fn lines<const SIZE: usize>(length: usize) -> [u8; SIZE] {
    let mut bytes = [b'x'; SIZE];
    let mut at = length - 1;
    while at < SIZE {
        bytes[at] = b'\n';
        at += length;
    }
    bytes
}

impl Kind {
    pub(crate) fn script(self) -> Script {
        let idle = Script {
            sends: Sends::Nothing,
            reads: Reads::All,
            ends: Ends::Never,
            beat: None,
            again: AGAIN,
        };
        let beat = |sends, every| Script {
            sends,
            beat: Some(Duration::from_millis(every)),
            ..idle
        };
        let flood = |bytes: &'static [u8]| Script {
            sends: Sends::Flood(bytes),
            reads: Reads::All,
            ends: Ends::Never,
            beat: None,
            again: AGAIN,
        };
        let storm = |sends, ends| Script {
            sends,
            reads: Reads::All,
            ends,
            beat: None,
            again: STORM,
        };
        match self {
            Kind::Mute => idle,
            Kind::ByteASecond => beat(Sends::Beat(&NO_LINE[..1]), 1000),
            Kind::NeverReads => Script {
                reads: Reads::Nothing,
                ..beat(Sends::Beat(&LONG_LINES[..4096]), 100)
            },
            Kind::Sips => Script {
                reads: Reads::Sips,
                ..beat(Sends::Beat(&MANY_LINES), 1000)
            },
            Kind::Flood => flood(&LINES),
            Kind::FloodBlind => Script {
                reads: Reads::Nothing,
                ..flood(&LINES)
            },
            Kind::EmptyLines => flood(&EMPTY_LINES),
            Kind::EndlessLine => flood(&NO_LINE),
            Kind::Urgent => beat(Sends::Urgent(&LINES[..LINE]), 10),
            Kind::Reset => storm(Sends::Beat(&LINES[..LINE]), Ends::Reset),
            Kind::Close => storm(Sends::Beat(&LINES[..LINE]), Ends::Close),
            Kind::Scan => storm(Sends::Nothing, Ends::Close),
            Kind::Fin => storm(Sends::Nothing, Ends::Fin),
        }
    }

    /// The index of its counters.
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}
