//! Opens the descriptors that are watched: for the loops in Rust, and by `hold` for a JavaScript program. So the descriptors
//! of every contender are made in the same way.

use std::error::Error;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::ValueEnum;
use nix::fcntl::OFlag;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::pipe2;
use serde::Serialize;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Eventfd,
    Pipe,
}

/// Two ends. For an eventfd they are the same descriptor.
pub(crate) struct Channel {
    pub(crate) reader: OwnedFd,
    pub(crate) writer: Option<OwnedFd>,
}

impl Channel {
    pub(crate) fn writer(&self) -> &OwnedFd {
        self.writer.as_ref().unwrap_or(&self.reader)
    }
}

impl Kind {
    /// The bytes that are written to make it ready, and read again.
    pub(crate) fn token(self) -> &'static [u8] {
        match self {
            Kind::Eventfd => &EVENTFD_TOKEN,
            Kind::Pipe => &EVENTFD_TOKEN[..1],
        }
    }

    pub(crate) fn open(self, initial: u32) -> nix::Result<Channel> {
        match self {
            Kind::Eventfd => {
                let eventfd = EventFd::from_value_and_flags(initial, EfdFlags::EFD_NONBLOCK)?;
                Ok(Channel {
                    reader: eventfd.into(),
                    writer: None,
                })
            }
            Kind::Pipe => {
                let (reader, writer) = pipe2(OFlag::O_NONBLOCK)?;
                Ok(Channel {
                    reader,
                    writer: Some(writer),
                })
            }
        }
    }

    pub(crate) fn open_many(self, count: u32, initial: u32) -> nix::Result<Vec<Channel>> {
        (0..count).map(|_| self.open(initial)).collect()
    }
}

const EVENTFD_TOKEN: [u8; 8] = 1_u64.to_ne_bytes();

#[derive(Serialize)]
struct Description {
    readers: Vec<i32>,
    writers: Vec<i32>,
    /// The bytes that make one ready.
    token: Vec<u8>,
}

/// Returns only when it fails.
pub(crate) fn hold(kind: Kind, count: u32, initial: u32, command: &[String]) -> Box<dyn Error> {
    let become_command = || -> Result<std::convert::Infallible, Box<dyn Error>> {
        let (program, arguments) = command.split_first().ok_or("no command")?;
        let channels = kind.open_many(count, initial)?;
        let description = Description {
            readers: channels.iter().map(|it| it.reader.as_raw_fd()).collect(),
            writers: channels.iter().map(|it| it.writer().as_raw_fd()).collect(),
            token: kind.token().to_vec(),
        };
        Err(Command::new(program)
            .args(arguments)
            .env("DESCRIPTORS", serde_json::to_string(&description)?)
            .exec()
            .into())
    };
    match become_command() {
        Ok(never) => match never {},
        Err(error) => error,
    }
}
