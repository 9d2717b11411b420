//! Random numbers for masks and keys.

use edgepoll_protocol::{Error, ErrorKind};

/// A block of random bytes of the system, which several masks are taken from.
pub(crate) struct Random {
    bytes: [u8; 256],
    used: usize,
    /// Of tests: the state of a generator whose numbers are always the same.
    seed: Option<u64>,
}

impl Random {
    pub(crate) fn new(seed: Option<u64>) -> Random {
        Random {
            bytes: [0; 256],
            used: 256,
            seed,
        }
    }

    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        if self.used + N > self.bytes.len() {
            self.fill()?;
        }
        let mut taken = [0; N];
        taken.copy_from_slice(&self.bytes[self.used..self.used + N]);
        self.used += N;
        Ok(taken)
    }

    fn fill(&mut self) -> Result<(), Error> {
        match &mut self.seed {
            None => getrandom::fill(&mut self.bytes).map_err(|error| {
                let text = format!("the system has no random numbers: {error}");
                Error::new(ErrorKind::Refused, text)
            })?,
            Some(seed) => {
                for byte in &mut self.bytes {
                    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    *byte = (*seed >> 56) as u8;
                }
            }
        }
        self.used = 0;
        Ok(())
    }
}
