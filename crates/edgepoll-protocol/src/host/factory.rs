//! Protocols and layers, which make the session or layer of each connection.

use std::fmt;
use std::ptr::{self, NonNull};

use super::handle::Handle;
use super::layer_handle::LayerHandle;
use crate::abi::{self, LayerVtable, RawPlugin, SessionVtable};
use crate::{LayerFactory, Protocol, Role};

/// Why a plug-in cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// It was compiled for another version of the ABI.
    Version {
        /// The version of the plug-in.
        theirs: u32,
    },
    /// Its structures are shorter than the first release of this version made them.
    Size,
    /// It is a layer where a protocol is needed, or the other way round.
    Kind,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Version { theirs } => write!(
                f,
                "the plug-in was compiled for version {theirs} of the ABI, and this host has version {}",
                abi::ABI
            ),
            Mismatch::Size => write!(
                f,
                "the plug-in has shorter structures than version {} of the ABI",
                abi::ABI
            ),
            Mismatch::Kind => write!(
                f,
                "the plug-in is a layer where a protocol is needed, or the other way round"
            ),
        }
    }
}

impl std::error::Error for Mismatch {}

/// Checks the size and the version that a structure begins with.
///
/// # Safety
/// `head` points to a structure of a plug-in.
unsafe fn fits(head: *const [u32; 2], least: usize) -> Result<(), Mismatch> {
    // SAFETY: every structure of a plug-in begins with these two numbers, in every version.
    let [size, theirs] = unsafe { *head };
    if theirs != abi::ABI {
        Err(Mismatch::Version { theirs })
    } else if (size as usize) < least {
        Err(Mismatch::Size)
    } else {
        Ok(())
    }
}

/// A counted plug-in.
struct Plugin(RawPlugin);

impl Plugin {
    /// # Safety
    /// As [`Factory::from_raw`].
    unsafe fn from_raw(raw: *const RawPlugin, what: u32) -> Result<Plugin, Mismatch> {
        // SAFETY: size and version come first in every version.
        unsafe { fits(raw.cast(), size_of::<RawPlugin>()) }?;
        // SAFETY: version and size say that this is the layout. A longer structure is read as far as this host knows it.
        let plugin = unsafe { ptr::read(raw) };
        let least = match plugin.what {
            unknown if unknown != what => return Err(Mismatch::Kind),
            abi::PROTOCOL => size_of::<SessionVtable>(),
            _ => size_of::<LayerVtable>(),
        };
        // SAFETY: as above, for the functions.
        unsafe { fits(plugin.vtable.cast(), least) }?;
        // SAFETY: `data` is counted. The copy has its own count.
        unsafe { (plugin.retain)(plugin.data) };
        Ok(Plugin(plugin))
    }

    fn name(&self) -> &str {
        // SAFETY: the name is constant memory of the plug-in, and UTF-8.
        unsafe {
            let bytes = std::slice::from_raw_parts(self.0.name, self.0.name_length);
            std::str::from_utf8_unchecked(bytes)
        }
    }

    fn open(&self, role: Role) -> Option<NonNull<std::ffi::c_void>> {
        // SAFETY: `data` is counted.
        NonNull::new(unsafe { (self.0.open)(self.0.data, u32::from(role == Role::Client)) })
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // SAFETY: this reference is the plug-in's own.
        unsafe { (self.0.release)(self.0.data) };
    }
}

/// A protocol, from this program or from a plug-in.
pub struct Factory(Plugin);

impl Factory {
    /// A protocol of this program.
    #[must_use]
    pub fn new<P: Protocol>(protocol: P) -> Factory {
        Factory(Plugin(abi::protocol_plugin(protocol)))
    }

    /// The protocol of a plug-in.
    ///
    /// # Errors
    /// [`Mismatch`].
    ///
    /// # Safety
    /// `raw` points to what `export_protocol!` or [`abi::protocol_plugin`] made, of any version. It is live during the call, and its
    /// library is never unloaded. The factory and its sessions stay on this thread.
    pub unsafe fn from_raw(raw: *const RawPlugin) -> Result<Factory, Mismatch> {
        // SAFETY: the caller's promise.
        unsafe { Plugin::from_raw(raw, abi::PROTOCOL) }.map(Factory)
    }

    /// The protocol's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Whether messages of the owner go through [`Handle::encode`].
    #[must_use]
    pub fn encodes(&self) -> bool {
        self.flags() & abi::ENCODES != 0
    }

    /// Whether each message is one range of bytes, which the owner gets as such.
    #[must_use]
    pub fn gives_frames(&self) -> bool {
        self.flags() & abi::FRAMES != 0
    }

    fn flags(&self) -> u32 {
        // SAFETY: the size of the functions was checked, and they lie in memory that is never unloaded.
        unsafe { (*self.0 .0.vtable.cast::<SessionVtable>()).flags }
    }

    /// The session of a new connection. If making it panicked, each call of the session fails.
    #[must_use]
    pub fn session(&self, role: Role) -> Handle {
        // SAFETY: the session was made by the plug-in of these functions just now. A plug-in has functions.
        unsafe {
            let vtable = NonNull::new_unchecked(self.0 .0.vtable.cast_mut().cast());
            Handle::new(vtable, self.0.open(role))
        }
    }
}

impl fmt::Debug for Factory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Factory").field(&self.name()).finish()
    }
}

/// A kind of layer, from this program or from a plug-in.
pub struct LayerMaker(Plugin);

impl LayerMaker {
    /// A kind of layer of this program.
    #[must_use]
    pub fn new<F: LayerFactory>(factory: F) -> LayerMaker {
        LayerMaker(Plugin(abi::layer_plugin(factory)))
    }

    /// The kind of layer of a plug-in.
    ///
    /// # Errors
    /// [`Mismatch`].
    ///
    /// # Safety
    /// As [`Factory::from_raw`].
    pub unsafe fn from_raw(raw: *const RawPlugin) -> Result<LayerMaker, Mismatch> {
        // SAFETY: the caller's promise.
        unsafe { Plugin::from_raw(raw, abi::LAYER) }.map(LayerMaker)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The layer of a new connection. If making it panicked, each call of the layer fails.
    #[must_use]
    pub fn layer(&self, role: Role) -> LayerHandle {
        // SAFETY: the layer was made by the plug-in of these functions just now. A plug-in has functions.
        unsafe {
            let vtable = NonNull::new_unchecked(self.0 .0.vtable.cast_mut().cast());
            LayerHandle::new(vtable, self.0.open(role))
        }
    }
}

impl fmt::Debug for LayerMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LayerMaker").field(&self.name()).finish()
    }
}
