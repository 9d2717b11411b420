//! Names that come again and again, with an id each, so that JavaScript makes the string of a name once.

use crate::layout::NAMES;

/// The longest name that is interned. A longer one is made anew each time.
const LONGEST: usize = 31;
/// How many names one place may have had. After the last, the place is not used any more: an id must never mean two names.
const MOST_VERSIONS: u16 = 0x7fff;

/// A place of the table: the last name that hashed to it.
#[derive(Clone)]
struct Place {
    /// How many names the place has had.
    version: u16,
    length: u8,
    bytes: [u8; LONGEST],
}

/// The table: one place for each hash. A name takes the place of another one with the same hash.
#[derive(Default)]
pub(crate) struct Interned(Vec<Place>);

impl Interned {
    /// The id of a name, or 0 if it has none. The lowest 16 bits are the index of its place.
    pub(crate) fn id_of(&mut self, name: &[u8]) -> i32 {
        if name.len() > LONGEST {
            return 0;
        }
        if self.0.is_empty() {
            // 2.2 MB, for programs that use names.
            self.0 = vec![
                Place {
                    version: 0,
                    length: 0,
                    bytes: [0; LONGEST],
                };
                NAMES
            ];
        }
        let index = hash(name);
        let place = &mut self.0[index];
        let is_same = place.version > 0
            && usize::from(place.length) == name.len()
            && place.bytes[..name.len()] == *name;
        if !is_same {
            if place.version == MOST_VERSIONS {
                return 0;
            }
            place.version += 1;
            // `LONGEST` fits into a byte.
            place.length = name.len() as u8;
            place.bytes[..name.len()].copy_from_slice(name);
        }
        i32::from(place.version) << 16 | index as i32
    }
}

/// FNV-1a over words, folded to 16 bits. Names that a peer chooses to collide only take each other's place.
fn hash(name: &[u8]) -> usize {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut words = name.chunks_exact(8);
    let mut add = |word: u64| {
        hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    };
    for word in words.by_ref() {
        add(u64::from_le_bytes([
            word[0], word[1], word[2], word[3], word[4], word[5], word[6], word[7],
        ]));
    }
    let mut last = [0; 8];
    let rest = words.remainder();
    last[..rest.len()].copy_from_slice(rest);
    add(u64::from_le_bytes(last) ^ name.len() as u64);
    (hash >> 40) as usize % NAMES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_has_the_same_id() {
        let mut names = Interned::default();
        let one = names.id_of(b"key:1");
        assert!(one > 0);
        assert_eq!(names.id_of(b"key:1"), one);
        assert_ne!(names.id_of(b"key:2"), one);
        assert_eq!(names.id_of(b"key:1"), one);
    }

    #[test]
    fn an_id_never_means_two_names() {
        let mut names = Interned::default();
        let mut meant = std::collections::HashMap::new();
        for number in 0..400_000 {
            let name = format!("name {number}");
            let id = names.id_of(name.as_bytes());
            assert!(meant.insert(id, name).is_none(), "id {id} again");
        }
    }

    #[test]
    fn a_place_that_had_too_many_names_is_left() {
        let mut names = Interned::default();
        let index = hash(b"a");
        names.id_of(b"a");
        names.0[index].version = MOST_VERSIONS;
        assert!(names.id_of(b"a") > 0, "the last name keeps its id");
        names.0[index].bytes[0] = b'b';
        assert_eq!(names.id_of(b"a"), 0);
    }

    #[test]
    fn long_names_have_no_id() {
        assert_eq!(Interned::default().id_of(&[b'x'; LONGEST + 1]), 0);
        assert!(Interned::default().id_of(&[b'x'; LONGEST]) > 0);
        assert!(Interned::default().id_of(b"") > 0);
    }
}
