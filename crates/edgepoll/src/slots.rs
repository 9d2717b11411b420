//! A table of slots. A slot is reused, but its generation changes, so an old token never finds a new occupant.

use crate::Token;

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    occupant: Option<T>,
}

/// A table of slots. Freed slots are reused, and their tokens become stale.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    pub(crate) fn new() -> Slots<T> {
        Slots {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Puts an occupant into a free slot. Returns `None` when every index is in use.
    pub(crate) fn insert(&mut self, occupant: T) -> Option<Token> {
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.occupant = Some(occupant);
            return Some(Token {
                index,
                generation: slot.generation,
            });
        }
        // The last index is reserved for the kernel's own descriptors.
        let index = u32::try_from(self.slots.len())
            .ok()
            .filter(|index| *index < u32::MAX)?;
        self.slots.push(Slot {
            generation: 0,
            occupant: Some(occupant),
        });
        Some(Token {
            index,
            generation: 0,
        })
    }

    pub(crate) fn get(&self, token: Token) -> Option<&T> {
        let slot = self.slots.get(token.index as usize)?;
        if slot.generation != token.generation {
            return None;
        }
        slot.occupant.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        let slot = self.slots.get_mut(token.index as usize)?;
        if slot.generation != token.generation {
            return None;
        }
        slot.occupant.as_mut()
    }

    /// Removes the occupant. Its token is stale from here on.
    pub(crate) fn remove(&mut self, token: Token) -> Option<T> {
        let slot = self.slots.get_mut(token.index as usize)?;
        if slot.generation != token.generation {
            return None;
        }
        let occupant = slot.occupant.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(token.index);
        Some(occupant)
    }

    /// The number of slots, occupied or not: the bound of [`Slots::at`].
    pub(crate) fn places(&self) -> usize {
        self.slots.len()
    }

    /// The occupant of the slot with that index, and its token.
    pub(crate) fn at(&self, place: usize) -> Option<(Token, &T)> {
        let slot = self.slots.get(place)?;
        let token = Token {
            index: u32::try_from(place).ok()?,
            generation: slot.generation,
        };
        slot.occupant.as_ref().map(|occupant| (token, occupant))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Token, &T)> {
        self.slots.iter().zip(0..).filter_map(|(slot, index)| {
            let token = Token {
                index,
                generation: slot.generation,
            };
            slot.occupant.as_ref().map(|occupant| (token, occupant))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_token_finds_nothing() {
        let mut slots = Slots::new();
        let first = slots.insert('a').expect("room");
        assert_eq!(slots.remove(first), Some('a'));
        let second = slots.insert('b').expect("room");
        assert_eq!(first.index, second.index);
        assert_eq!(slots.get(first), None);
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get(second), Some(&'b'));
    }
}
