//! Masks of frames (RFC 6455, section 5.3).

/// Adds the mask to the bytes, or takes it away.
pub(crate) fn apply(bytes: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from(u32::from_ne_bytes(mask));
    let wide = wide << 32 | wide;
    // Four words at once: the compiler makes vector instructions of them.
    let mut blocks = bytes.chunks_exact_mut(32);
    for block in &mut blocks {
        for word in block.as_chunks_mut::<8>().0 {
            *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
        }
    }
    let (words, rest) = blocks.into_remainder().as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= mask;
    }
}

/// The mask for the bytes that follow the first `length` ones.
pub(crate) fn after(mut mask: [u8; 4], length: usize) -> [u8; 4] {
    mask.rotate_left(length % 4);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_and_each_cut_gives_what_the_rfc_says() {
        let mask = [0x12, 0x9a, 0x55, 0xf0];
        for length in 0..150_usize {
            let plain: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let expected: Vec<u8> = plain
                .iter()
                .enumerate()
                .map(|(at, byte)| byte ^ mask[at % 4])
                .collect();
            for cut in 0..=length {
                let mut bytes = plain.clone();
                let (one, two) = bytes.split_at_mut(cut);
                apply(one, mask);
                apply(two, after(mask, cut));
                assert_eq!(bytes, expected, "length {length}, cut {cut}");
            }
        }
    }
}
