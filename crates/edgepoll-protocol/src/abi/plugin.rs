//! A protocol or a layer as a plug-in gives it to the host.

use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;

use super::call::guarded_alone;
use super::layer::LayerVtableOf;
use super::{VtableOf, ABI};
use crate::{LayerFactory, Protocol, Role};

/// The lower half of the type tag of a plug-in's JavaScript object. The tag is the same in every version of the ABI, so that the host
/// can name the wrong version.
pub const TAG_LOWER: u64 = 0x6564_6765_706f_6c6c;
/// The upper half of the type tag.
pub const TAG_UPPER: u64 = 0x7072_6f74_6f63_6f6c;

/// [`RawPlugin::what`]: a protocol. Its functions are a [`SessionVtable`](super::SessionVtable).
pub const PROTOCOL: u32 = 0;
/// [`RawPlugin::what`]: a layer. Its functions are a [`LayerVtable`](super::LayerVtable).
pub const LAYER: u32 = 1;

/// A protocol or a layer. The plug-in's memory and functions are never unloaded.
#[repr(C)]
pub struct RawPlugin {
    /// The size of this structure in bytes.
    pub size: u32,
    /// [`ABI`] of the crate that it was compiled with.
    pub abi: u32,
    /// [`PROTOCOL`] or [`LAYER`].
    pub what: u32,
    /// Bits; none so far.
    pub flags: u32,
    /// The name, in UTF-8.
    pub name: *const u8,
    /// Its length.
    pub name_length: usize,
    /// The functions of one connection's session or layer.
    pub vtable: *const c_void,
    /// The author's value, with a count of references that belongs to the thread that made it.
    pub data: *const c_void,
    /// Makes the session or layer of a connection, or returns null if that panicked. The second argument is 0 for a server and 1
    /// for a client.
    pub open: unsafe extern "C" fn(*const c_void, u32) -> *mut c_void,
    /// Counts a reference to `data`.
    pub retain: unsafe extern "C" fn(*const c_void),
    /// Ends a reference to `data`.
    pub release: unsafe extern "C" fn(*const c_void),
}

/// A protocol in the form that crosses the border. It holds one reference to `data`.
pub fn protocol_plugin<P: Protocol>(protocol: P) -> RawPlugin {
    unsafe extern "C" fn open<P: Protocol>(data: *const c_void, role: u32) -> *mut c_void {
        // SAFETY: `data` came from `raw::<P>` and is still counted.
        let protocol = unsafe { &*data.cast::<P>() };
        opened(|| protocol.session(role_of(role)))
    }
    let vtable: *const _ = const { &VtableOf::<P::Session>::VTABLE };
    raw(PROTOCOL, P::NAME, vtable.cast(), protocol, open::<P>)
}

/// A layer in the form that crosses the border. It holds one reference to `data`.
pub fn layer_plugin<F: LayerFactory>(factory: F) -> RawPlugin {
    unsafe extern "C" fn open<F: LayerFactory>(data: *const c_void, role: u32) -> *mut c_void {
        // SAFETY: `data` came from `raw::<F>` and is still counted.
        let factory = unsafe { &*data.cast::<F>() };
        opened(|| factory.layer(role_of(role)))
    }
    let vtable: *const _ = const { &LayerVtableOf::<F::Layer>::VTABLE };
    raw(LAYER, F::NAME, vtable.cast(), factory, open::<F>)
}

fn raw<T>(
    what: u32,
    name: &'static str,
    vtable: *const c_void,
    value: T,
    open: unsafe extern "C" fn(*const c_void, u32) -> *mut c_void,
) -> RawPlugin {
    unsafe extern "C" fn retain<T>(data: *const c_void) {
        // SAFETY: `data` came from `Rc::into_raw` below and is still counted.
        unsafe { Rc::increment_strong_count(data.cast::<T>()) };
    }
    unsafe extern "C" fn release<T>(data: *const c_void) {
        // SAFETY: as above; the caller gives up its own count.
        guarded_alone(|| unsafe { Rc::decrement_strong_count(data.cast::<T>()) });
    }
    RawPlugin {
        size: size_of::<RawPlugin>() as u32,
        abi: ABI,
        what,
        flags: 0,
        name: name.as_ptr(),
        name_length: name.len(),
        vtable,
        data: Rc::into_raw(Rc::new(value)).cast(),
        open,
        retain: retain::<T>,
        release: release::<T>,
    }
}

fn role_of(role: u32) -> Role {
    if role == 0 {
        Role::Server
    } else {
        Role::Client
    }
}

fn opened<S>(make: impl FnOnce() -> S) -> *mut c_void {
    guarded_alone(|| Box::into_raw(Box::new(make())).cast()).unwrap_or(ptr::null_mut())
}
