//! Bytes that the kernel has not taken yet, in order, ready for one vectored send.
//!
//! The queue has no bound of its own: the reactor checks [`Limits::send_queue`](super::Limits::send_queue) before each push.

use std::collections::VecDeque;
use std::io::IoSlice;

/// The most buffers of one vectored send. Far below IOV_MAX, and enough to fill a socket's buffer.
pub const MAX_BUFFERS: usize = 32;

/// Small writes share blocks of this size, because the kernel handles few large buffers faster than many small ones.
const BLOCK: usize = 16 * 1024;

/// A first-in-first-out queue of bytes. Empty, it is one pointer, because most connections are idle.
#[derive(Debug, Default)]
pub struct SendQueue(Option<Box<Blocks>>);

#[derive(Debug, Default)]
struct Blocks {
    blocks: VecDeque<Vec<u8>>,
    /// How many bytes of the first block are sent.
    sent: usize,
    length: usize,
}

impl SendQueue {
    /// Bytes queued.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.length)
    }

    /// True when nothing is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Appends a copy of `bytes`.
    pub fn push(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let queue = self.0.get_or_insert_default();
        queue.length += bytes.len();
        if let Some(last) = queue.blocks.back_mut() {
            if last.len() + bytes.len() <= BLOCK {
                last.extend_from_slice(bytes);
                return;
            }
        }
        queue.blocks.push_back(bytes.to_vec());
    }

    /// Fills `into` with the front of the queue, for one vectored send, and returns the number of buffers filled.
    pub fn buffers<'a>(&'a self, into: &mut [IoSlice<'a>; MAX_BUFFERS]) -> usize {
        let Some(queue) = &self.0 else { return 0 };
        let mut skip = queue.sent;
        let mut count = 0;
        for (slice, block) in into.iter_mut().zip(&queue.blocks) {
            *slice = IoSlice::new(&block[skip..]);
            skip = 0;
            count += 1;
        }
        count
    }

    /// Removes the first `length` bytes, which the kernel took.
    pub fn advance(&mut self, length: usize) {
        let Some(queue) = &mut self.0 else { return };
        debug_assert!(
            length <= queue.length,
            "the kernel cannot take more than it was given"
        );
        queue.length -= length;
        queue.sent += length;
        while let Some(first) = queue.blocks.front() {
            if queue.sent < first.len() {
                break;
            }
            queue.sent -= first.len();
            queue.blocks.pop_front();
        }
        if queue.length == 0 {
            // An idle connection keeps no memory.
            self.0 = None;
        }
    }

    /// Removes everything, and returns the number of bytes.
    pub fn clear(&mut self) -> usize {
        self.0.take().map_or(0, |queue| queue.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes pseudo-random writes out by pseudo-random short sends. The bytes must come out as they went in.
    fn run(seed: u64) {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = move |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % bound as u64).unwrap_or(0)
        };
        let mut queue = SendQueue::default();
        let (mut written, mut sent) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            let sizes = [0, 1, 7, 300, BLOCK - 1, BLOCK, BLOCK + 1];
            let size = sizes[next(sizes.len())];
            let bytes: Vec<u8> = (0..size)
                .map(|at| (written.len() + at).to_le_bytes()[0] ^ 0x5a)
                .collect();
            queue.push(&bytes);
            written.extend(bytes);
            let mut slices = [IoSlice::new(&[]); MAX_BUFFERS];
            let count = queue.buffers(&mut slices);
            let flat: Vec<u8> = slices[..count]
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .collect();
            let taken = next(flat.len() + 1);
            sent.extend_from_slice(&flat[..taken]);
            queue.advance(taken);
            assert_eq!(queue.len(), written.len() - sent.len(), "seed {seed}");
        }
        while !queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_BUFFERS];
            let count = queue.buffers(&mut slices);
            let flat: Vec<u8> = slices[..count]
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .collect();
            sent.extend_from_slice(&flat);
            queue.advance(flat.len());
        }
        assert_eq!(sent, written, "seed {seed}");
    }

    #[test]
    fn partial_write_at_every_split_keeps_the_bytes() {
        (1..=300).for_each(run);
    }

    #[test]
    fn tiny_writes_share_a_block() {
        let mut queue = SendQueue::default();
        for byte in 0..10_000_u32 {
            queue.push(&byte.to_le_bytes()[..1]);
        }
        let mut slices = [IoSlice::new(&[]); MAX_BUFFERS];
        assert_eq!(queue.buffers(&mut slices), 1);
    }
}
