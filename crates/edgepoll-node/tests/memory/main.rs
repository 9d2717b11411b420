//! What the inbox does when JavaScript has no memory, or takes it away: nothing that was received is lost or mixed up.
//! No host of JavaScript refuses memory when a test wants it, so this one is made up.
#![allow(unsafe_code, reason = "Node-API is C; every block gives its reason")]
#![allow(
    dead_code,
    reason = "the glue's own files, of which one is tested: its crate shows none of them"
)]
#![allow(
    clippy::unwrap_used,
    reason = "a test may end where it sees what cannot be"
)]

#[path = "../../src/reactor/address_words.rs"]
mod address_words;
#[path = "../../src/reactor/close_reason.rs"]
mod close_reason;
#[path = "../../src/reactor/control.rs"]
mod control;
mod host;
#[path = "../../src/reactor/inbox.rs"]
mod inbox;
#[allow(unreachable_pub, reason = "its crate shows it")]
#[path = "../../src/layout.rs"]
mod layout;
#[allow(unreachable_pub, reason = "its crate shows them")]
#[path = "../../src/names.rs"]
mod names;
#[allow(unused_imports, reason = "the inbox needs a part of it")]
#[path = "../../src/node/mod.rs"]
mod node;
#[path = "../../src/reactor/records.rs"]
mod records;
#[path = "../../src/reactor/region.rs"]
mod region;

use edgepoll::connection::CloseReason;
use edgepoll::reactor::{Event, Inbox};
use edgepoll::{Address, Token};
use napi::sys;

use control::Lending;
use inbox::JsInbox;

const WHO: Token = Token {
    index: 5,
    generation: 7,
};
/// A chunk that is a view, and one that is copied out.
const LONG: usize = 16 * 1024;
const SHORT: usize = 100;
const RECORDS: usize = 64;
/// Smaller than a slab and an arena, larger than every other buffer of these tests.
const REGION: usize = 64 * 1024;

/// JavaScript's side: what it knows of buffers.
struct Reader {
    inbox: JsInbox,
    records: sys::napi_value,
    /// Pool, slab and arena.
    regions: [Option<sys::napi_value>; 3],
}

impl Reader {
    fn new() -> Reader {
        let environment = host::environment();
        let records = host::int32_array(RECORDS * 8);
        let mut inbox = JsInbox::new(environment, records).unwrap();
        inbox.begin(&Lending::AllBack);
        Reader {
            inbox,
            records,
            regions: [None; 3],
        }
    }

    /// A receive of `length` bytes, as the core makes one: it asks for the space again and again.
    fn receive(&mut self, lend: bool, fill: u8, length: usize) {
        self.inbox.space(lend).write(0, &vec![fill; length]);
        // A second call before the end of the receive gives the same space.
        assert!(!self.inbox.space(lend).is_empty());
        // The codec has a look.
        let seen = self.inbox.filled(lend, length).to_vec();
        assert_eq!(seen, vec![fill; length], "what the codec sees");
        self.inbox.frame(WHO, 0..length);
        self.inbox.received(length);
    }

    /// The batch's chunks, and why bytes were lost.
    fn take(&mut self) -> (Vec<Vec<u8>>, Option<String>) {
        let batch = self.inbox.take();
        let places = [batch.pool, batch.slab, batch.arena];
        let known = self.regions;
        let find = |place: usize| match place.checked_sub(3) {
            Some(fresh) => Some(batch.fresh[fresh]),
            None => known[place],
        };
        let chunk = |record: usize| {
            let bytes = host::bytes_at(self.records, record * 32, 32);
            let field = |at: usize| i32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
            let size = |at: usize| usize::try_from(field(at)).unwrap();
            assert_eq!(field(0), 3, "a record of data");
            let buffer = find(size(12)).unwrap();
            let (offset, length) = (size(16), size(20));
            let address = host::address_of(buffer) + offset;
            assert!(address.is_multiple_of(8), "doubles could not lie there");
            host::bytes_at(buffer, offset, length)
        };
        let chunks = (0..batch.records).map(chunk).collect();
        let of_arena = |record: &usize| {
            let place = host::bytes_at(self.records, record * 32 + 12, 4);
            usize::try_from(i32::from_ne_bytes(place.try_into().unwrap())) == Ok(batch.arena)
        };
        let lent = (0..batch.records).filter(of_arena).count();
        assert_eq!(
            usize::try_from(batch.lent),
            Ok(lent),
            "as many are to be given back"
        );
        self.regions = places.map(find);
        (chunks, batch.uncaught)
    }

    fn next_turn(&mut self) {
        self.inbox.begin(&Lending::AllBack);
    }
}

/// Every answer that a host may give to a few wishes.
fn answers() -> impl Iterator<Item = Vec<bool>> {
    (0..64_u32).map(|bits| (0..6).map(|bit| bits >> bit & 1 == 1).collect())
}

#[test]
fn memory_that_is_refused_and_then_given_within_one_receive_hides_no_byte() {
    for (lend, length) in [(true, SHORT), (true, LONG), (false, SHORT), (false, LONG)] {
        for answers in answers() {
            let mut reader = Reader::new();
            host::answer_next(&answers);
            reader.receive(lend, 1, length);
            reader.receive(lend, 2, length);
            let (chunks, lost) = reader.take();
            let all = [vec![1; length], vec![2; length]];
            if lost.is_none() {
                assert_eq!(chunks, all, "lend {lend}, {answers:?}");
            } else {
                assert!(chunks.iter().all(|chunk| all.contains(chunk)));
            }
            // There is memory again: everybody goes on as if nothing had been.
            host::answer_next(&[]);
            reader.next_turn();
            reader.receive(lend, 3, length);
            assert_eq!(reader.take(), (vec![vec![3; length]], None));
        }
    }
}

#[test]
fn without_memory_for_slabs_short_chunks_come_and_of_long_ones_the_loss_is_told() {
    let mut reader = Reader::new();
    // A slab is refused, a pool is given.
    host::answer_next(&[false, true]);
    reader.receive(false, 1, SHORT);
    assert_eq!(reader.take(), (vec![vec![1; SHORT]], None));
    reader.next_turn();
    host::answer_next(&[false, false]);
    reader.receive(false, 2, LONG);
    let (chunks, lost) = reader.take();
    assert_eq!(chunks, Vec::<Vec<u8>>::new());
    assert!(lost.unwrap().starts_with("edgepoll: no memory"));
}

#[test]
fn an_arena_that_is_refused_is_asked_for_again_with_the_next_receive() {
    let mut reader = Reader::new();
    host::answer_next(&[false]);
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
fn a_slab_that_is_refused_is_asked_for_again_with_the_next_receive() {
    let mut reader = Reader::new();
    host::answer_next(&[false]);
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
fn memory_that_is_taken_away_is_replaced_whatever_it_was_for() {
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
            assert!(
                next != gone,
                "place {place}: memory that is gone stays in use"
            );
        }
    }
}

#[test]
fn of_an_arena_that_was_taken_away_nothing_can_be_written() {
    let mut reader = Reader::new();
    reader.receive(true, 1, SHORT);
    let lent = |reader: &mut Reader| reader.inbox.lent().len();
    assert!(lent(&mut reader) >= SHORT);
    reader.take();
    host::detach(reader.regions[2].unwrap());
    assert_eq!(lent(&mut reader), 0);
    // All is back, and still there is none of it.
    reader.next_turn();
    assert_eq!(lent(&mut reader), 0);
}

#[test]
fn what_was_lent_can_be_written_until_the_arena_is_replaced_however_often_it_was_filled() {
    let mut reader = Reader::new();
    reader.receive(true, 1, LONG);
    let most = reader.inbox.lent().len();
    assert!(most >= LONG);
    reader.take();
    // A shorter batch fills it from the front: what lies behind may be staged still.
    reader.next_turn();
    reader.receive(true, 2, SHORT);
    assert_eq!(reader.inbox.lent().len(), most);
    reader.take();
    // Chunks that nobody can give back: their memory is never written again.
    let forgotten = reader.regions[2];
    reader.inbox.begin(&Lending::RestForgotten);
    reader.next_turn();
    reader.receive(true, 3, SHORT);
    assert_eq!(reader.take(), (vec![vec![3; SHORT]], None));
    assert!(reader.regions[2] != forgotten);
}

#[test]
fn what_was_lent_holds_no_byte_that_was_never_written() {
    let mut reader = Reader::new();
    for fill in 1..4 {
        reader.receive(true, fill, SHORT);
    }
    // The content of the host's memory before the first write.
    assert!(!reader.inbox.lent().contains(&0xee));
}

#[test]
fn a_batch_has_room_for_all_records_of_its_last_close() {
    let peer = Address::Inet([127, 0, 0, 1].into(), 1);
    for others in 0..8 {
        let mut reader = Reader::new();
        for _ in 0..others {
            reader.inbox.event(Event::End { token: WHO });
        }
        let mut closes = 0;
        while reader.inbox.room() > 0 {
            reader.inbox.event(Event::Closed {
                token: WHO,
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
