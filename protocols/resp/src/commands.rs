//! Names of commands that have a kind of their own.

use crate::kind;

/// The longest name that can have a kind of its own.
const LONGEST: usize = 16;

/// Names of commands that have a kind of their own: a table from names to kinds.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    /// Empty, or a power of two of slots: a name as a number (0 for none), and its kind.
    slots: Box<[(u128, u8)]>,
}

impl Commands {
    /// The names get the kinds 1, 2, … in this order. The case of their letters does not matter.
    ///
    /// Returns `None` if there are more than 250 names, or if one of them is empty, is longer than 16 bytes, or comes twice.
    #[must_use]
    pub fn new<T: AsRef<[u8]>>(names: impl IntoIterator<Item = T>) -> Option<Commands> {
        let mut keys = Vec::new();
        for name in names {
            let key = key(&name.as_ref().to_ascii_uppercase())?;
            if keys.contains(&key) || keys.len() == usize::from(kind::LAST_COMMAND) {
                return None;
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Some(Commands::default());
        }
        let mut slots = vec![(0, kind::COMMAND); (keys.len() * 4).next_power_of_two()];
        for (key, kind) in keys.into_iter().zip(1..) {
            let mut slot = first_slot(key, slots.len());
            while slots[slot].0 != 0 {
                slot = (slot + 1) & (slots.len() - 1);
            }
            slots[slot] = (key, kind);
        }
        Some(Commands {
            slots: slots.into(),
        })
    }

    /// The kind of the command with that name, which is in upper case.
    #[inline]
    #[must_use]
    pub fn kind(&self, name: &[u8]) -> u8 {
        let Some(key) = key(name).filter(|_| !self.slots.is_empty()) else {
            return kind::COMMAND;
        };
        let mut slot = first_slot(key, self.slots.len());
        loop {
            match self.slots[slot] {
                (0, kind) => return kind,
                (found, kind) if found == key => return kind,
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }
}

/// The name as a number. No two names have the same, because none of them begins with a zero byte.
#[inline]
fn key(name: &[u8]) -> Option<u128> {
    if name.len() > LONGEST || name.first().is_none_or(|first| *first == 0) {
        return None;
    }
    let key = name
        .iter()
        .fold(0, |key, byte| key << 8 | u128::from(*byte));
    Some(key)
}

#[inline]
fn first_slot(key: u128, slots: usize) -> usize {
    let folded = (key as u64 ^ (key >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (folded >> 40) as usize & (slots - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_kinds_of_their_places() {
        let names = ["get", "SET", "sixteen-letters!"];
        let commands = Commands::new(names).expect("these names are fine");
        for (name, kind) in names.into_iter().zip(1..) {
            assert_eq!(commands.kind(name.to_uppercase().as_bytes()), kind);
        }
        for other in [
            "",
            "GE",
            "GETT",
            "seventeen-letters",
            "SIXTEEN-LETTERS!X",
            "\0GET",
        ] {
            assert_eq!(commands.kind(other.as_bytes()), kind::COMMAND, "{other}");
        }
        assert_eq!(Commands::default().kind(b"GET"), kind::COMMAND);
    }

    #[test]
    fn a_full_table_still_finds_each_name_and_ends_each_search() {
        let names: Vec<String> = (0..250).map(|number| format!("C{number}")).collect();
        let commands = Commands::new(&names).expect("250 names");
        for (name, kind) in names.iter().zip(1..) {
            assert_eq!(commands.kind(name.as_bytes()), kind);
        }
        assert_eq!(commands.kind(b"D1"), kind::COMMAND);
        assert!(Commands::new((0..251).map(|number| format!("C{number}"))).is_none());
    }

    #[test]
    fn names_that_cannot_be_told_apart_are_refused() {
        assert!(Commands::new(["get", "GET"]).is_none());
        assert!(Commands::new([""]).is_none());
        assert!(Commands::new(["seventeen-letters"]).is_none());
    }
}
