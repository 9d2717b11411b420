//! The addon that JavaScript loads.

use std::ffi::CStr;

use edgepoll_protocol::export_protocol;
use edgepoll_protocol::node::{OptionError, Options};

use crate::{Commands, Resp, RespClient, Settings};

fn size(options: &Options, name: &'static CStr, default: usize) -> Result<usize, OptionError> {
    let most = Settings::MOST_TOTAL as u32;
    // The defaults are below the highest value.
    let value = options.integer(name, 1..=most, default as u32)?;
    Ok(value as usize)
}

/// The options that both sides have. What strings become is JavaScript's own matter: the word is only checked.
fn shared(options: &Options, strings: &'static CStr) -> Result<Settings, OptionError> {
    options.word(strings, &["text", "bytes"])?;
    let default = Settings::default();
    let stream = size(options, c"stream", Settings::MOST_TOTAL)?;
    Ok(Settings {
        max_bulk: size(options, c"maxBulk", default.max_bulk)?,
        max_total: size(options, c"maxTotal", default.max_total)?,
        stream: (stream != Settings::MOST_TOTAL).then_some(stream),
        ..default
    })
}

fn resp(options: &Options) -> Result<Resp, OptionError> {
    let shared = shared(options, c"arguments")?;
    let names = options.texts(c"commands")?.unwrap_or_default();
    let commands = Commands::new(&names).ok_or_else(|| {
        let text = "commands must be at most 250 different names of 1 to 16 bytes";
        OptionError::Range(text.to_owned())
    })?;
    Ok(Resp::new(Settings {
        max_arguments: size(options, c"maxArguments", shared.max_arguments)?,
        unauthenticated: options.boolean(c"unauthenticated", false)?,
        commands,
        ..shared
    }))
}

fn resp_client(options: &Options) -> Result<RespClient, OptionError> {
    shared(options, c"strings").map(RespClient::new)
}

export_protocol!(c"resp" => resp, c"respClient" => resp_client);
