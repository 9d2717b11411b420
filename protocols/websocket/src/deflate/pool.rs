//! States that no connection keeps between its messages, for all connections of a protocol.

use super::deflater::Deflater;
use super::inflate::Inflater;
use super::Agreed;

/// The largest window, and the only one whose states are shared.
const SHARED_BITS: u8 = 15;
/// How many states of a kind wait for the next message.
const KEPT: usize = 4;
/// The capacity that the buffer keeps.
const KEPT_BYTES: usize = 1 << 20;

/// States and memory for the next message.
#[derive(Default)]
pub(crate) struct Pool {
    inflaters: Vec<Inflater>,
    deflaters: Vec<Deflater>,
    buffer: Vec<u8>,
}

impl Pool {
    pub(crate) fn inflater(&mut self, agreed: &Agreed) -> Inflater {
        let shared = (agreed.peer_bits == SHARED_BITS).then(|| self.inflaters.pop());
        shared
            .flatten()
            .unwrap_or_else(|| Inflater::new(agreed.peer_bits))
    }

    pub(crate) fn give_inflater(&mut self, mut inflater: Inflater, agreed: &Agreed) {
        if agreed.peer_bits == SHARED_BITS && self.inflaters.len() < KEPT {
            inflater.reset();
            self.inflaters.push(inflater);
        }
    }

    pub(crate) fn deflater(&mut self, agreed: &Agreed, level: u32) -> Deflater {
        let shared = (agreed.own_bits == SHARED_BITS).then(|| self.deflaters.pop());
        shared
            .flatten()
            .unwrap_or_else(|| Deflater::new(level, agreed.own_bits))
    }

    pub(crate) fn give_deflater(&mut self, mut deflater: Deflater, agreed: &Agreed) {
        if agreed.own_bits == SHARED_BITS && self.deflaters.len() < KEPT {
            deflater.reset();
            self.deflaters.push(deflater);
        }
    }

    /// An empty buffer.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    pub(crate) fn give_buffer(&mut self, mut buffer: Vec<u8>) {
        if (self.buffer.capacity()..=KEPT_BYTES).contains(&buffer.capacity()) {
            buffer.clear();
            self.buffer = buffer;
        }
    }
}
