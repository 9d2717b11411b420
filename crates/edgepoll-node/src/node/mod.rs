//! The Node-API calls that napi-rs does not wrap.

mod callback;
mod error;
mod value;

pub(crate) use callback::{AsyncContext, Callback};
pub(crate) use error::{clear_exception, surface_exception, throw, throw_uncaught, CallError};
pub(crate) use value::{array, bytes_of, check, int32, number, Reference, Scope};
