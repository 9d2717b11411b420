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
    /// Every index is below this.
    limit: u32,
}

impl<T> Slots<T> {
    /// No slots yet, and never more than `limit`.
    pub(crate) fn new(limit: u32) -> Slots<T> {
        Slots {
            slots: Vec::new(),
            free: Vec::new(),
            limit,
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
        let index = u32::try_from(self.slots.len())
            .ok()
            .filter(|index| *index < self.limit)?;
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

    /// The occupant and its token, for a token with only those bits of the generation that `mask` has.
    #[inline]
    pub(crate) fn find_mut(&mut self, kept: Token, mask: u32) -> Option<(Token, &mut T)> {
        let slot = self.slots.get_mut(kept.index as usize)?;
        if slot.generation & mask != kept.generation {
            return None;
        }
        let token = Token {
            index: kept.index,
            generation: slot.generation,
        };
        slot.occupant.as_mut().map(|occupant| (token, occupant))
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

    /// As [`Slots::at`].
    pub(crate) fn at_mut(&mut self, place: usize) -> Option<(Token, &mut T)> {
        let slot = self.slots.get_mut(place)?;
        let token = Token {
            index: u32::try_from(place).ok()?,
            generation: slot.generation,
        };
        slot.occupant.as_mut().map(|occupant| (token, occupant))
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
        let mut slots = Slots::new(1);
        let first = slots.insert('a').expect("room");
        assert_eq!(slots.remove(first), Some('a'));
        let second = slots.insert('b').expect("room");
        assert_eq!(first.index, second.index);
        assert_eq!(slots.get(first), None);
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get(second), Some(&'b'));
    }

    #[test]
    fn no_index_reaches_the_limit() {
        let mut slots = Slots::new(2);
        let first = slots.insert('a').expect("room");
        assert_eq!(slots.insert('b').map(|token| token.index), Some(1));
        assert_eq!(slots.insert('c'), None);
        slots.remove(first);
        assert_eq!(slots.insert('c').map(|token| token.index), Some(0));
    }

    #[test]
    fn part_of_a_generation_finds_the_whole_token() {
        let mut slots = Slots::new(1);
        for generation in 0..0x102 {
            let token = slots.insert(generation).expect("room");
            assert_eq!(token.generation, generation);
            for kept in 0..0x100 {
                let kept = Token {
                    index: 0,
                    generation: kept,
                };
                let found = slots.find_mut(kept, 0xff).map(|(token, _)| token);
                let expected = (kept.generation == generation % 0x100).then_some(token);
                assert_eq!(found, expected);
            }
            slots.remove(token);
        }
    }
}
