//! The addon that JavaScript loads.

use edgepoll_protocol::export_protocol;
use edgepoll_protocol::node::{OptionError, Options};

use crate::ProtocolName;

fn protocol_name(options: &Options) -> Result<ProtocolName, OptionError> {
    let default = ProtocolName::default();
    Ok(ProtocolName {
        max_length: options.integer(c"maxLength", 1..=1 << 30, default.max_length)?,
    })
}

export_protocol!(c"protocolName" => protocol_name);
