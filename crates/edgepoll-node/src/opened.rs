//! The result of a command that opens a connection, a listener or a registration.

use edgepoll::Token;
use napi_derive::napi;

/// The result of a command: a slot and its generation, or the system call that failed and its error number.
#[napi(object)]
#[derive(Debug)]
pub struct Opened {
    /// The slot.
    pub slot: i32,
    /// The slot's generation, which tells its occupants apart.
    pub generation: i32,
    /// 0, or the error number.
    pub errno: i32,
    /// The system call that failed.
    pub syscall: String,
}

impl Opened {
    /// A success.
    pub(crate) fn done(token: Token) -> Opened {
        Opened {
            slot: token.index.cast_signed(),
            generation: token.generation.cast_signed(),
            errno: 0,
            syscall: String::new(),
        }
    }

    /// A refusal of a system call.
    pub(crate) fn refused(errno: i32, syscall: &str) -> Opened {
        Opened {
            slot: -1,
            generation: 0,
            errno,
            syscall: syscall.to_owned(),
        }
    }
}
