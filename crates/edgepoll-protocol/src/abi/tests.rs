//! Pins the layouts of version 1. If one of these tests fails, the change breaks plug-ins that exist: make the addition at the end of its
//! structure, or count [`ABI`](super::ABI) up.

use std::mem::offset_of;

use super::{
    LayerVtable, RawBytes, RawIo, RawPlugin, RawTable, SessionVtable, ABI, END, HELD, LATE,
    OVERFLOW, PAUSE, PHASE, RESUME, TIMERS,
};

/// The size of a pointer, and of a usize.
const WORD: usize = size_of::<usize>();

/// The offset of a word behind so many bytes.
const fn word_behind(bytes: usize) -> usize {
    bytes.div_ceil(WORD) * WORD
}

#[test]
fn the_version_is_1() {
    assert_eq!((ABI, TIMERS), (1, 4));
}

#[test]
fn the_bits_of_a_call() {
    let bits = [END, PAUSE, RESUME, OVERFLOW, PHASE, LATE, HELD];
    assert_eq!(bits, [1, 2, 4, 8, 16, 32, 64]);
}

#[test]
fn a_plug_in() {
    assert_eq!(offset_of!(RawPlugin, size), 0);
    assert_eq!(offset_of!(RawPlugin, abi), 4);
    assert_eq!(offset_of!(RawPlugin, what), 8);
    assert_eq!(offset_of!(RawPlugin, flags), 12);
    let words = [
        offset_of!(RawPlugin, name),
        offset_of!(RawPlugin, name_length),
        offset_of!(RawPlugin, vtable),
        offset_of!(RawPlugin, data),
        offset_of!(RawPlugin, open),
        offset_of!(RawPlugin, retain),
        offset_of!(RawPlugin, release),
    ];
    assert_eq!(words, [0, 1, 2, 3, 4, 5, 6].map(|word| 16 + word * WORD));
}

#[test]
fn the_functions_of_a_session() {
    assert_eq!(offset_of!(SessionVtable, size), 0);
    assert_eq!(offset_of!(SessionVtable, abi), 4);
    assert_eq!(offset_of!(SessionVtable, flags), 8);
    let words = [
        offset_of!(SessionVtable, start),
        offset_of!(SessionVtable, decode),
        offset_of!(SessionVtable, decode_end),
        offset_of!(SessionVtable, encode),
        offset_of!(SessionVtable, timer),
        offset_of!(SessionVtable, end),
        offset_of!(SessionVtable, limit),
        offset_of!(SessionVtable, free),
    ];
    let first = word_behind(12);
    assert_eq!(
        words,
        [0, 1, 2, 3, 4, 5, 6, 7].map(|word| first + word * WORD)
    );
}

#[test]
fn the_functions_of_a_layer() {
    assert_eq!(offset_of!(LayerVtable, size), 0);
    assert_eq!(offset_of!(LayerVtable, abi), 4);
    assert_eq!(offset_of!(LayerVtable, flags), 8);
    let words = [
        offset_of!(LayerVtable, start),
        offset_of!(LayerVtable, receive),
        offset_of!(LayerVtable, send),
        offset_of!(LayerVtable, end),
        offset_of!(LayerVtable, peer_ended),
        offset_of!(LayerVtable, timer),
        offset_of!(LayerVtable, resume),
        offset_of!(LayerVtable, limit),
        offset_of!(LayerVtable, free),
    ];
    let first = word_behind(12);
    assert_eq!(
        words,
        [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|word| first + word * WORD)
    );
}

#[test]
fn what_a_call_gets_and_gives() {
    assert_eq!(offset_of!(RawIo, size), 0);
    assert_eq!(offset_of!(RawIo, flags), 4);
    let words = [
        offset_of!(RawIo, input),
        offset_of!(RawIo, input_length),
        offset_of!(RawIo, consumed),
        offset_of!(RawIo, need),
    ];
    assert_eq!(words, [0, 1, 2, 3].map(|word| 8 + word * WORD));
    let counts = 8 + 4 * WORD;
    assert_eq!(offset_of!(RawIo, messages), counts);
    assert_eq!(offset_of!(RawIo, timers_set), counts + 4);
    assert_eq!(offset_of!(RawIo, timers), counts + 8);
    let limits = counts + 8 + 4 * TIMERS;
    let words = [
        offset_of!(RawIo, table_limit),
        offset_of!(RawIo, output_limit),
        offset_of!(RawIo, most_numbers),
        offset_of!(RawIo, most_output),
        offset_of!(RawIo, most_made),
        offset_of!(RawIo, table),
        offset_of!(RawIo, output),
        offset_of!(RawIo, made),
        offset_of!(RawIo, text),
        offset_of!(RawIo, error_number),
    ];
    let wanted = [0, 1, 2, 3, 4, 5, 10, 15, 20, 25];
    assert_eq!(words, wanted.map(|word| limits + word * WORD));
    assert_eq!(
        offset_of!(RawIo, phase),
        offset_of!(RawIo, error_number) + 4
    );
}

#[test]
fn growable_memory() {
    let bytes = [
        offset_of!(RawBytes, data),
        offset_of!(RawBytes, length),
        offset_of!(RawBytes, capacity),
        offset_of!(RawBytes, limit),
        offset_of!(RawBytes, grow),
        size_of::<RawBytes>(),
    ];
    let table = [
        offset_of!(RawTable, data),
        offset_of!(RawTable, length),
        offset_of!(RawTable, capacity),
        offset_of!(RawTable, limit),
        offset_of!(RawTable, grow),
        size_of::<RawTable>(),
    ];
    assert_eq!(bytes, [0, 1, 2, 3, 4, 5].map(|word| word * WORD));
    assert_eq!(table, bytes);
}
