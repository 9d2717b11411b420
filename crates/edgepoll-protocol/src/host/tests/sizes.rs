//! Plug-ins of other versions of the ABI, and of other sizes within this version.

use std::ffi::c_void;

use super::Scripted;
use crate::abi::{layer_plugin, protocol_plugin, RawIo, RawPlugin, SessionVtable, VtableOf, ABI};
use crate::host::{Factory, LayerMaker, Mismatch, Scratch};
use crate::testing::layer::Xor;
use crate::{Protocol, Role};

type Vtable = VtableOf<<Scripted as Protocol>::Session>;

/// What a later release of the same version may make of a structure.
#[repr(C)]
struct Longer<T> {
    first: T,
    more: [usize; 4],
}

fn made(raw: &RawPlugin) -> Result<Factory, Mismatch> {
    // SAFETY: these tests change only what a plug-in of another release would have different.
    let factory = unsafe { Factory::from_raw(raw) };
    // SAFETY: the reference that `protocol_plugin` counted.
    unsafe { (raw.release)(raw.data) };
    factory
}

#[test]
fn another_version_is_refused() {
    let mut raw = protocol_plugin(Scripted::default());
    raw.abi = 2;
    let mismatch = made(&raw).err();
    assert_eq!(mismatch, Some(Mismatch::Version { theirs: 2 }));
    let text = mismatch.map(|mismatch| mismatch.to_string());
    let wanted = "the plug-in was compiled for version 2 of the ABI, and this host has version 1";
    assert_eq!(text.as_deref(), Some(wanted));
}

#[test]
fn functions_of_another_version_are_refused() {
    let mut vtable = Vtable::VTABLE;
    vtable.abi = 0;
    let mut raw = protocol_plugin(Scripted::default());
    raw.vtable = (&raw const vtable).cast();
    assert_eq!(made(&raw).err(), Some(Mismatch::Version { theirs: 0 }));
}

#[test]
fn shorter_structures_are_refused() {
    let mut raw = protocol_plugin(Scripted::default());
    raw.size -= 1;
    assert_eq!(made(&raw).err(), Some(Mismatch::Size));

    let mut vtable = Vtable::VTABLE;
    vtable.size -= 1;
    let mut raw = protocol_plugin(Scripted::default());
    raw.vtable = (&raw const vtable).cast();
    assert_eq!(made(&raw).err(), Some(Mismatch::Size));
}

#[test]
fn longer_structures_work() {
    let mut vtable = Box::new(Longer {
        first: Vtable::VTABLE,
        more: [usize::MAX; 4],
    });
    vtable.first.size = size_of::<Longer<SessionVtable>>() as u32;
    let mut raw = Longer {
        first: protocol_plugin(Scripted::default()),
        more: [usize::MAX; 4],
    };
    raw.first.size = size_of::<Longer<RawPlugin>>() as u32;
    raw.first.vtable = (&raw const *vtable).cast::<c_void>();
    assert_eq!(raw.more, vtable.more);
    let session = made(&raw.first)
        .ok()
        .map(|factory| factory.session(Role::Server));
    let result = session.map(|mut session| session.start(&mut Scratch::default()).1);
    assert_eq!(result, Some(Ok(())));
}

#[test]
fn a_plug_in_writes_only_what_it_knows_of_a_longer_io() {
    let mut scratch = Scratch::default();
    scratch.begin(&mut [], 100);
    let mut io = Longer {
        // SAFETY: the copy's buffers are empty, so nothing is freed twice.
        first: unsafe { std::ptr::read(&raw const scratch.io) },
        more: [7; 4],
    };
    io.first.size = size_of::<Longer<RawIo>>() as u32;
    let protocol = Scripted::default().then(|_, io| {
        io.set_timer(3, 5);
        Ok(crate::Step::Need(0))
    });
    let mut session = protocol.session(Role::Server);
    // SAFETY: a live session and its own functions.
    let status =
        unsafe { (Vtable::VTABLE.timer)((&raw mut session).cast(), 3, (&raw mut io).cast()) };
    assert_eq!((status, io.first.timers[3], io.more), (0, 5, [7; 4]));
}

#[test]
fn a_layer_is_no_protocol() {
    let raw = layer_plugin(Xor);
    assert_eq!(made(&raw).err(), Some(Mismatch::Kind));
    let raw = protocol_plugin(Scripted::default());
    // SAFETY: the plug-in is unchanged.
    let maker = unsafe { LayerMaker::from_raw(&raw) };
    assert_eq!(maker.err(), Some(Mismatch::Kind));
    // SAFETY: the reference that `protocol_plugin` counted.
    unsafe { (raw.release)(raw.data) };
}

#[test]
fn what_is_neither_is_refused() {
    let mut raw = protocol_plugin(Scripted::default());
    raw.what = 2;
    assert_eq!(made(&raw).err(), Some(Mismatch::Kind));
}

#[test]
fn the_structures_begin_with_their_size_and_version() {
    let raw = protocol_plugin(Scripted::default());
    assert_eq!((raw.size as usize, raw.abi), (size_of::<RawPlugin>(), ABI));
    let head = (&raw const raw).cast::<[u32; 2]>();
    // SAFETY: the structure begins with two u32.
    assert_eq!(unsafe { *head }, [raw.size, raw.abi]);
    // SAFETY: the reference that `protocol_plugin` counted.
    unsafe { (raw.release)(raw.data) };
}
