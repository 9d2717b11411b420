//! The inbox when JavaScript refuses memory or detaches it: no received bytes are lost or mixed up without an error.
//!
//! A real host does not refuse memory when a test asks for that, so these tests have a host of their own.
#![allow(unsafe_code, reason = "Node-API is C; every block gives its reason")]
#![allow(
    dead_code,
    reason = "the tests compile whole files of the glue, and call only some of their functions"
)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../src/reactor/address_words.rs"]
mod address_words;
#[allow(
    unreachable_pub,
    reason = "the file has public items, which only the glue exports"
)]
#[path = "../../src/reactor/close_reason.rs"]
mod close_reason;
#[path = "../../src/reactor/control.rs"]
mod control;
mod host;
#[path = "../../src/reactor/inbox.rs"]
mod inbox;
#[path = "../../src/reactor/interned.rs"]
mod interned;
#[allow(
    unreachable_pub,
    reason = "the file has public items, which only the glue exports"
)]
#[path = "../../src/layout.rs"]
mod layout;
#[allow(
    unreachable_pub,
    reason = "the file has public items, which only the glue exports"
)]
#[path = "../../src/names.rs"]
mod names;
#[allow(
    unused_imports,
    reason = "the module re-exports more than the inbox and these tests use"
)]
#[path = "../../src/node/mod.rs"]
mod node;
#[path = "../../src/reactor/records.rs"]
mod records;
#[path = "../../src/reactor/region.rs"]
mod region;
#[path = "../../src/reactor/tables.rs"]
mod tables;

use edgepoll::connection::CloseReason;
use edgepoll::reactor::{Event, Inbox};
use edgepoll::{Address, Token};
use napi::sys;

use control::Lending;
use inbox::JsInbox;
use layout::{DATA, FIRST_FRESH, RECORD_FIELDS};

const TOKEN: Token = Token {
    index: 5,
    generation: 7,
};
/// The length of a chunk that is a view of a slab.
const LONG: usize = 16 * 1024;
/// The length of a chunk that is copied.
const SHORT: usize = 100;
const RECORDS: usize = 64;
/// The size of a record in bytes.
const RECORD: usize = 4 * RECORD_FIELDS;
/// Less than the size of a slab or an arena, and more than that of every other buffer of these tests.
const REGION: usize = 64 * 1024;

/// JavaScript's side of the inbox: it keeps the buffers that it was given.
struct Reader {
    inbox: JsInbox,
    records: sys::napi_value,
    /// The pool, the slab and the arena that JavaScript knows.
    regions: [Option<sys::napi_value>; 3],
}

impl Reader {
    fn new() -> Reader {
        let environment = host::environment();
        let records = host::int32_array(RECORDS * RECORD_FIELDS);
        let tables = host::int32_array(layout::TABLES_SIZE);
        let mut inbox = JsInbox::new(environment, records, tables).unwrap();
        inbox.begin(&Lending::AllBack);
        Reader {
            inbox,
            records,
            regions: [None; 3],
        }
    }

    /// Makes a receive of `length` bytes, as the core does. The core may call `space` several times for one receive.
    fn receive(&mut self, lend: bool, fill: u8, length: usize) {
        self.inbox.space(lend).write(0, &vec![fill; length]);
        // A second call before the end of the receive returns the same space.
        assert!(!self.inbox.space(lend).is_empty());
        // The codec reads the bytes first.
        let seen = self.inbox.filled(lend, length).to_vec();
        assert_eq!(seen, vec![fill; length], "the bytes that the codec reads");
        self.inbox.frame(TOKEN, 0..length);
        self.inbox.received(length);
    }

    /// Takes the batch. Returns its chunks, and the error if bytes were lost.
    fn take(&mut self) -> (Vec<Vec<u8>>, Option<String>) {
        let batch = self.inbox.take();
        let places = [batch.pool, batch.slab, batch.arena];
        let known = self.regions;
        let find = |place: usize| match place.checked_sub(FIRST_FRESH) {
            Some(fresh) => Some(batch.fresh[fresh]),
            None => known[place],
        };
        let chunk = |record: usize| {
            let bytes = host::bytes_at(self.records, record * RECORD, RECORD);
            let field = |at: usize| i32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
            let size = |at: usize| usize::try_from(field(at)).unwrap();
            assert_eq!(field(0), DATA, "a record of data");
            let buffer = find(size(12)).unwrap();
            let (offset, length) = (size(16), size(20));
            let address = host::address_of(buffer) + offset;
            assert!(address.is_multiple_of(8), "doubles could not lie there");
            host::bytes_at(buffer, offset, length)
        };
        let chunks = (0..batch.records).map(chunk).collect();
        let of_arena = |record: &usize| {
            let place = host::bytes_at(self.records, record * RECORD + 12, 4);
            usize::try_from(i32::from_ne_bytes(place.try_into().unwrap())) == Ok(batch.arena)
        };
        let lent = (0..batch.records).filter(of_arena).count();
        assert_eq!(
            usize::try_from(batch.lent),
            Ok(lent),
            "the number of lent chunks"
        );
        self.regions = places.map(find);
        (chunks, batch.uncaught)
    }

    fn next_turn(&mut self) {
        self.inbox.begin(&Lending::AllBack);
    }
}

/// Every way in which a host may grant or refuse six requests.
fn all_grants() -> impl Iterator<Item = Vec<bool>> {
    (0..64_u32).map(|bits| (0..6).map(|bit| bits >> bit & 1 == 1).collect())
}

#[test]
fn memory_refused_and_then_granted_within_one_receive_loses_no_byte_silently() {
    for (lend, length) in [(true, SHORT), (true, LONG), (false, SHORT), (false, LONG)] {
        for grants in all_grants() {
            let mut reader = Reader::new();
            host::grant_next(&grants);
            reader.receive(lend, 1, length);
            reader.receive(lend, 2, length);
            let (chunks, lost) = reader.take();
            let all = [vec![1; length], vec![2; length]];
            if lost.is_none() {
                assert_eq!(chunks, all, "lend {lend}, {grants:?}");
            } else {
                assert!(chunks.iter().all(|chunk| all.contains(chunk)));
            }
            // Once there is memory again, everything works as before.
            host::grant_next(&[]);
            reader.next_turn();
            reader.receive(lend, 3, length);
            assert_eq!(reader.take(), (vec![vec![3; length]], None));
        }
    }
}

#[test]
fn without_memory_for_a_slab_short_chunks_arrive_and_lost_long_ones_are_an_error() {
    let mut reader = Reader::new();
    // The slab is refused, and the pool is granted.
    host::grant_next(&[false, true]);
    reader.receive(false, 1, SHORT);
    assert_eq!(reader.take(), (vec![vec![1; SHORT]], None));
    reader.next_turn();
    host::grant_next(&[false, false]);
    reader.receive(false, 2, LONG);
    let (chunks, lost) = reader.take();
    assert_eq!(chunks, Vec::<Vec<u8>>::new());
    assert!(lost.unwrap().starts_with("edgepoll: no memory"));
}

#[test]
fn a_refused_arena_is_requested_again_with_the_next_receive() {
    let mut reader = Reader::new();
    host::grant_next(&[false]);
    reader.receive(true, 1, SHORT);
    assert_eq!(host::given(REGION), 1, "a slab instead");
    reader.receive(true, 2, SHORT);
    assert_eq!(host::given(REGION), 2, "and now an arena");
    reader.receive(true, 3, SHORT);
    assert_eq!(host::given(REGION), 2);
    let (chunks, lost) = reader.take();
    assert_eq!(chunks, [1, 2, 3].map(|fill| vec![fill; SHORT]));
    assert_eq!(lost, None);
}

#[test]
fn a_refused_slab_is_requested_again_with_the_next_receive() {
    let mut reader = Reader::new();
    host::grant_next(&[false]);
    reader.receive(false, 1, SHORT);
    assert_eq!(host::given(REGION), 0);
    reader.receive(false, 2, SHORT);
    assert_eq!(host::given(REGION), 1);
}

#[test]
fn a_receive_that_fills_a_region_to_its_last_byte_leaves_it_full() {
    for lend in [false, true] {
        let mut reader = Reader::new();
        for fill in 1..4 {
            let length = reader.inbox.space(lend).len();
            reader.receive(lend, fill, length);
            assert_eq!(reader.take(), (vec![vec![fill; length]], None));
            reader.inbox.begin(&Lending::SomeOut);
        }
    }
}

#[test]
fn detached_memory_is_replaced() {
    for (lend, length, place) in [
        (false, SHORT, 0),
        (false, LONG, 1),
        (true, SHORT, 2),
        (true, LONG, 2),
    ] {
        let mut reader = Reader::new();
        reader.receive(lend, 1, length);
        assert_eq!(reader.take(), (vec![vec![1; length]], None));
        let gone = reader.regions[place].unwrap();
        host::detach(gone);
        for fill in [2, 3] {
            reader.next_turn();
            reader.receive(lend, fill, length);
            assert_eq!(reader.take(), (vec![vec![fill; length]], None));
            let next = reader.regions[place].unwrap();
            assert!(next != gone, "place {place}: detached memory stays in use");
        }
    }
}

#[test]
fn nothing_of_a_detached_arena_can_be_sent() {
    let mut reader = Reader::new();
    reader.receive(true, 1, SHORT);
    let lent = |reader: &mut Reader| reader.inbox.lent().len();
    assert!(lent(&mut reader) >= SHORT);
    reader.take();
    host::detach(reader.regions[2].unwrap());
    assert_eq!(lent(&mut reader), 0);
    // This holds after all chunks were given back, too.
    reader.next_turn();
    assert_eq!(lent(&mut reader), 0);
}

#[test]
fn lent_bytes_can_be_sent_until_the_arena_is_replaced_however_often_it_was_filled() {
    let mut reader = Reader::new();
    reader.receive(true, 1, LONG);
    let most = reader.inbox.lent().len();
    assert!(most >= LONG);
    reader.take();
    // A shorter batch fills the arena from the front. Bytes behind it may still be staged.
    reader.next_turn();
    reader.receive(true, 2, SHORT);
    assert_eq!(reader.inbox.lent().len(), most);
    reader.take();
    // Memory of chunks that no code can give back is never written again.
    let forgotten = reader.regions[2];
    reader.inbox.begin(&Lending::RestForgotten);
    reader.next_turn();
    reader.receive(true, 3, SHORT);
    assert_eq!(reader.take(), (vec![vec![3; SHORT]], None));
    assert!(reader.regions[2] != forgotten);
}

#[test]
fn lent_memory_holds_no_byte_that_was_never_written() {
    let mut reader = Reader::new();
    for fill in 1..4 {
        reader.receive(true, fill, SHORT);
    }
    // 0xee is the content of the host's memory before the first write.
    assert!(!reader.inbox.lent().contains(&0xee));
}

#[test]
fn a_batch_has_room_for_all_records_of_its_last_close() {
    let peer = Address::Inet([127, 0, 0, 1].into(), 1);
    for others in 0..8 {
        let mut reader = Reader::new();
        for _ in 0..others {
            reader.inbox.event(Event::End { token: TOKEN });
        }
        let mut closes = 0;
        while reader.inbox.room() > 0 {
            reader.inbox.event(Event::Closed {
                token: TOKEN,
                reason: CloseReason::Ended,
                unsent: 0,
                bytes_read: 0,
                bytes_written: 0,
                peer: peer.clone(),
                local: Some(peer.clone()),
            });
            closes += 1;
        }
        assert_eq!(reader.inbox.take().records, others + 4 * closes);
    }
}
