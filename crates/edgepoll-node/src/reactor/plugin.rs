//! Protocols that JavaScript passes: objects that a plug-in made, recognised by their type tag.

use std::ptr;
use std::rc::Rc;

use edgepoll::protocol::abi::{RawPlugin, ABI, TAG_LOWER, TAG_UPPER};
use edgepoll::protocol::{Factory, Mismatch};
use napi::bindgen_prelude::Object;
use napi::{sys, Env, Error, JsValue, Result};
use napi_derive::napi;

/// What a plug-in's object says about itself.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct ProtocolInfo {
    /// The protocol's name. Empty if the plug-in has another version of the ABI.
    pub name: String,
    /// The plug-in's version of the ABI.
    pub abi: u32,
    /// The version that this addon has.
    pub host_abi: u32,
    /// Why it cannot be used, apart from its version.
    pub refusal: Option<String>,
    /// Messages that the program writes go through the session. Their first byte is their kind.
    pub encodes: bool,
    /// Each message is one range of bytes, which the program gets as such.
    pub gives_frames: bool,
}

/// What the object says about itself, or `null` if no plug-in made it.
#[napi(catch_unwind)]
#[must_use]
pub fn protocol_info(env: Env, object: Object<'_>) -> Option<ProtocolInfo> {
    let raw = plugin(env.raw(), object.raw())?;
    let mut info = ProtocolInfo {
        name: String::new(),
        abi: ABI,
        host_abi: ABI,
        refusal: None,
        encodes: false,
        gives_frames: false,
    };
    // SAFETY: the object has the plug-ins' tag and is alive. A plug-in's library is never unloaded, and stays on this thread.
    match unsafe { Factory::from_raw(raw) } {
        Ok(factory) => {
            factory.name().clone_into(&mut info.name);
            info.encodes = factory.encodes();
            info.gives_frames = factory.gives_frames();
        }
        Err(Mismatch::Version { theirs }) => info.abi = theirs,
        Err(mismatch) => info.refusal = Some(mismatch.to_string()),
    }
    Some(info)
}

/// The protocol of a plug-in's object.
pub(crate) fn factory_of(object: &Object<'_>) -> Result<Rc<Factory>> {
    let value = object.value();
    let raw = plugin(value.env, value.value)
        .ok_or_else(|| Error::from_reason("the protocol is no object of a plug-in"))?;
    // SAFETY: the object has the plug-ins' tag and is alive. A plug-in's library is never unloaded, and stays on this thread.
    let factory = unsafe { Factory::from_raw(raw) };
    factory
        .map(Rc::new)
        .map_err(|mismatch| Error::from_reason(mismatch.to_string()))
}

/// What the object wraps, if a plug-in made it.
fn plugin(env: sys::napi_env, object: sys::napi_value) -> Option<*const RawPlugin> {
    let tag = sys::napi_type_tag {
        lower: TAG_LOWER,
        upper: TAG_UPPER,
    };
    let (mut is_tagged, mut data) = (false, ptr::null_mut());
    // SAFETY: `env` and `object` are live because the caller is inside a call from JavaScript.
    unsafe {
        let status =
            sys::napi_check_object_type_tag(env, object, &raw const tag, &raw mut is_tagged);
        if status != sys::Status::napi_ok || !is_tagged {
            return None;
        }
        let status = sys::napi_unwrap(env, object, &raw mut data);
        (status == sys::Status::napi_ok && !data.is_null()).then_some(data.cast_const().cast())
    }
}
