//! What JavaScript gets: functions that make plug-ins.

use edgepoll_protocol::abi::{layer_plugin, protocol_plugin, RawPlugin};
use edgepoll_protocol::node::{export_raw, OptionError, Options};
use edgepoll_protocol::testing::layer::Xor;

use crate::{Counted, Frames, Probe, Where};

/// The option `panics` names the function that panics.
fn probe(options: &Options) -> Result<RawPlugin, OptionError> {
    let name = options.word(c"panics", &Where::NAMES.map(|(name, _)| name))?;
    let named = Where::NAMES
        .into_iter()
        .find(|(known, _)| Some(*known) == name);
    let panics = named.map_or(Where::Nowhere, |(_, panics)| panics);
    panics.reached(Where::Make);
    Ok(protocol_plugin(Probe { panics }))
}

fn frames(_options: &Options) -> Result<RawPlugin, OptionError> {
    Ok(protocol_plugin(Frames))
}

fn counted(_options: &Options) -> Result<RawPlugin, OptionError> {
    Ok(protocol_plugin(Counted))
}

fn layer(_options: &Options) -> Result<RawPlugin, OptionError> {
    Ok(layer_plugin(Xor))
}

/// The option `abi` is the version that the plug-in says it has.
fn version(options: &Options) -> Result<RawPlugin, OptionError> {
    let abi = options.integer(c"abi", 0..=9, 2)?;
    Ok(RawPlugin {
        abi,
        ..protocol_plugin(Probe::default())
    })
}

fn shorter(_options: &Options) -> Result<RawPlugin, OptionError> {
    let plugin = protocol_plugin(Probe::default());
    Ok(RawPlugin {
        size: plugin.size - 1,
        ..plugin
    })
}

fn neither(_options: &Options) -> Result<RawPlugin, OptionError> {
    Ok(RawPlugin {
        what: 2,
        ..protocol_plugin(Probe::default())
    })
}

edgepoll_protocol::export_with!(
    export_raw::<Probe>,
    c"probe" => probe,
    c"frames" => frames,
    c"counted" => counted,
    c"layer" => layer,
    c"version" => version,
    c"shorter" => shorter,
    c"neither" => neither
);
