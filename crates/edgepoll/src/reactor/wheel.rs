//! When each slot comes up, soonest first: a hierarchical timing wheel. It reads no clock.
//!
//! A slot is in a list of the wheel once at most. Level 0 has a list for each of 64 milliseconds, level 1 for each of 64 times 64
//! milliseconds, and so on. When a list of a higher level comes up, its slots move to lower levels. So setting, moving and removing
//! take the same time however many slots there are, and each slot moves a few times at most. Times are compared in
//! nanoseconds: no slot comes up early.

/// Levels, enough for every time of 64 bits.
const LEVELS: usize = 8;
/// Lists of a level, and bits of a time that choose one.
const LISTS: usize = 1 << BITS;
const BITS: u32 = 6;
/// The heads of all lists, which are the first nodes.
const HEADS: usize = LEVELS * LISTS;
/// In nanoseconds.
pub(super) const MILLISECOND: u64 = 1_000_000;
/// The time of a slot that is in no list, and of an empty list.
const NEVER: u64 = u64::MAX;

/// A slot, or the head of a list. The lists are circular.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// When the slot comes up. Of a head: no slot of its list comes up before that.
    at: u64,
    before: u32,
    after: u32,
}

/// When each slot comes up, by its index.
#[derive(Debug)]
pub(super) struct Wheel {
    /// The heads of the lists, and then the slots.
    nodes: Vec<Node>,
    /// Which lists of a level are not empty.
    occupied: [u64; LEVELS],
    /// A time in milliseconds before which no slot comes up. The lists of level 0 begin here.
    start: u64,
}

impl Default for Wheel {
    fn default() -> Wheel {
        Wheel {
            nodes: (0..HEADS as u32).map(alone).collect(),
            occupied: [0; LEVELS],
            start: 0,
        }
    }
}

/// A node that is in no list, or the head of an empty one.
fn alone(node: u32) -> Node {
    Node {
        at: NEVER,
        before: node,
        after: node,
    }
}

fn node_of(slot: u32) -> u32 {
    HEADS as u32 + slot
}

impl Wheel {
    /// Makes the slot come up at `at` or before. If it comes up before that already, it stays where it is: the caller finds then that
    /// it has to come up later, and calls this again.
    pub(super) fn come_up_by(&mut self, slot: u32, at: u64) {
        let (node, at) = (node_of(slot), at.min(NEVER - 1));
        let known = self.nodes.len() as u32;
        self.nodes.extend((known..=node).map(alone));
        if self.nodes[node as usize].at > at {
            self.unlink(node);
            self.link(node, at);
        }
    }

    /// The slot does not come up any more.
    pub(super) fn remove(&mut self, slot: u32) {
        let node = node_of(slot);
        if (node as usize) < self.nodes.len() {
            self.unlink(node);
        }
    }

    /// A time before which no slot comes up. It may be too early after a slot was removed.
    pub(super) fn soonest(&self) -> Option<u64> {
        self.first().map(|head| self.nodes[head].at)
    }

    /// Removes the slots that come up at `now` or before, and appends them to `due`.
    pub(super) fn take_due(&mut self, now: u64, due: &mut Vec<u32>) {
        while let Some(head) = self.first() {
            if self.nodes[head].at > now {
                return;
            }
            let (level, list) = (head / LISTS, head % LISTS);
            let shift = BITS * level as u32;
            // The first list is of the lowest level that has one, so all others stay where they are.
            let above = self.start >> shift >> BITS << BITS;
            self.start = self.start.max((above | list as u64) << shift);
            let mut node = self.nodes[head].after;
            self.nodes[head] = alone(head as u32);
            self.occupied[level] &= !(1 << list);
            while node != head as u32 {
                let Node { at, after, .. } = self.nodes[node as usize];
                self.nodes[node as usize] = alone(node);
                if at <= now {
                    due.push(node - HEADS as u32);
                } else {
                    self.link(node, at);
                }
                node = after;
            }
        }
    }

    /// The head of the list that comes up first.
    fn first(&self) -> Option<usize> {
        let level = self.occupied.iter().position(|lists| *lists != 0)?;
        Some(level * LISTS + self.occupied[level].trailing_zeros() as usize)
    }

    /// Level and list of a time, which depend on `start`.
    fn place(&self, at: u64) -> (usize, usize) {
        let time = (at / MILLISECOND).max(self.start);
        let differs = time ^ self.start;
        let level = (differs.checked_ilog2().unwrap_or(0) / BITS) as usize;
        let list = (time >> (BITS * level as u32)) as usize % LISTS;
        (level, list)
    }

    /// Adds a node to the end of its list. It is in none.
    fn link(&mut self, node: u32, at: u64) {
        let (level, list) = self.place(at);
        let head = level * LISTS + list;
        let before = self.nodes[head].before;
        self.nodes[node as usize] = Node {
            at,
            before,
            after: head as u32,
        };
        self.nodes[before as usize].after = node;
        self.nodes[head].before = node;
        self.nodes[head].at = self.nodes[head].at.min(at);
        self.occupied[level] |= 1 << list;
    }

    /// Removes a node from its list, if it is in one.
    fn unlink(&mut self, node: u32) {
        let Node { before, after, .. } = self.nodes[node as usize];
        self.nodes[node as usize] = alone(node);
        self.nodes[before as usize].after = after;
        self.nodes[after as usize].before = before;
        if before == after && before != node {
            // The list is empty now. Its head is the only other node.
            let head = before as usize;
            self.nodes[head].at = NEVER;
            self.occupied[head / LISTS] &= !(1 << (head % LISTS));
        }
    }
}

#[cfg(any(test, feature = "simulation"))]
impl Wheel {
    /// When the slot comes up, if it does.
    pub(super) fn get(&self, slot: u32) -> Option<u64> {
        let node = self.nodes.get(node_of(slot) as usize)?;
        (node.at != NEVER).then_some(node.at)
    }

    /// The slots that come up.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        let slots = self.nodes.iter().skip(HEADS).zip(0..);
        slots.filter_map(|(node, slot)| (node.at != NEVER).then_some(slot))
    }

    /// Checks that each slot is in the list of its time, once.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut linked = 0;
        for head in 0..HEADS {
            let (level, list) = (head / LISTS, head % LISTS);
            let mut node = self.nodes[head].after;
            if (self.occupied[level] & 1 << list != 0) != (node != head as u32) {
                return Err(format!("list {list} of level {level} is empty, or is not"));
            }
            let mut before = head as u32;
            while node != head as u32 {
                let found = self.nodes[node as usize];
                if self.place(found.at) != (level, list) || found.at < self.nodes[head].at {
                    return Err(format!("{found:?} is in list {list} of level {level}"));
                }
                if found.before != before {
                    return Err(format!("{found:?} follows {before}"));
                }
                linked += 1;
                (before, node) = (node, found.after);
            }
        }
        if linked == self.slots().count() {
            Ok(())
        } else {
            Err(format!("{linked} slots are in lists"))
        }
    }
}
