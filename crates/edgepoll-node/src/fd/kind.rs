//! The kind of file that a number stands for. It is checked before a number is adopted.

use edgepoll::descriptor::kind;
use napi::bindgen_prelude::Either;
use napi_derive::napi;

use super::number::borrowed;
use super::results::failed;

/// The target of the link in /proc/self/fd: `anon_inode:[eventfd]`, `pipe:[123]`, a path; or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn descriptor_kind(fd: i32) -> Either<String, i32> {
    match borrowed(&fd).and_then(kind::link) {
        Ok(link) => Either::A(link),
        Err(errno) => Either::B(failed(errno)),
    }
}

/// A field of /proc/self/fdinfo that is a decimal number, as `Pid` or `clockid`; `null` if there is no such field.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn descriptor_field(fd: i32, name: String) -> Option<i32> {
    let text = kind::field(borrowed(&fd).ok()?, &name);
    text.and_then(|text| text.parse().ok())
}
