//! Headers of frames (RFC 6455, section 5.2).

use edgepoll_protocol::Role;

use crate::failure::Failure;

/// The longest payload of a control frame.
pub(crate) const MOST_OF_CONTROL: usize = 125;
/// The longest header.
pub(crate) const MOST_OF_HEADER: usize = 14;
/// A message that goes on.
pub(crate) const CONTINUATION: u8 = 0;

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) opcode: u8,
    pub(crate) is_last: bool,
    /// The first reserved bit: the message is compressed.
    pub(crate) is_compressed: bool,
    pub(crate) mask: Option<[u8; 4]>,
    /// The length of the payload.
    pub(crate) length: u64,
    /// The length of the header itself.
    pub(crate) size: usize,
}

impl Header {
    pub(crate) fn is_control(opcode: u8) -> bool {
        opcode >= 8
    }
}

/// Reads the header at the front of the input. `Ok(Err(n))`: it needs n bytes.
///
/// What the first two bytes tell is checked as soon as they are there.
pub(crate) fn read(input: &[u8], from: Role) -> Result<Result<Header, usize>, Failure> {
    let &[first, second, ..] = input else {
        return Ok(Err(2));
    };
    let opcode = first & 0x0f;
    let is_last = first & 0x80 != 0;
    let is_masked = second & 0x80 != 0;
    if first & 0x30 != 0 {
        return Err(Failure::protocol("a frame has a reserved bit"));
    }
    if !matches!(opcode, 0..=2 | 8..=10) {
        return Err(Failure::protocol("a frame has an unknown opcode"));
    }
    if is_masked != (from == Role::Client) {
        return Err(Failure::protocol(match from {
            Role::Client => "a client's frame has no mask",
            Role::Server => "a server's frame has a mask",
        }));
    }
    let short = second & 0x7f;
    if Header::is_control(opcode) {
        if !is_last {
            return Err(Failure::protocol("a control frame is fragmented"));
        }
        if usize::from(short) > MOST_OF_CONTROL {
            return Err(Failure::protocol("a control frame has more than 125 bytes"));
        }
    }
    let before_mask = match short {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let size = before_mask + if is_masked { 4 } else { 0 };
    let Some(header) = input.get(..size) else {
        return Ok(Err(size));
    };
    let digits = &header[2..before_mask];
    let length = match short {
        126 | 127 => digits
            .iter()
            .fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte)),
        short => u64::from(short),
    };
    let least = match short {
        126 => 126,
        127 => 1 << 16,
        _ => 0,
    };
    if length < least || length >> 63 != 0 {
        return Err(Failure::protocol(
            "a frame's length is not in its shortest form",
        ));
    }
    Ok(Ok(Header {
        opcode,
        is_last,
        is_compressed: first & 0x40 != 0,
        mask: header[before_mask..].try_into().ok(),
        length,
        size,
    }))
}

/// A header, as it is sent. The first byte is given; `mask` is a client's.
pub(crate) fn write(
    first: u8,
    length: usize,
    mask: Option<[u8; 4]>,
) -> ([u8; MOST_OF_HEADER], usize) {
    let mut header = [0; MOST_OF_HEADER];
    header[0] = first;
    let mut size = match length {
        0..=125 => {
            header[1] = length as u8;
            2
        }
        126..=0xffff => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            4
        }
        _ => {
            header[1] = 127;
            header[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    if let Some(mask) = mask {
        header[1] |= 0x80;
        header[size..size + 4].copy_from_slice(&mask);
        size += 4;
    }
    (header, size)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn bytes(header: ([u8; MOST_OF_HEADER], usize)) -> Vec<u8> {
        header.0[..header.1].to_vec()
    }

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, 1 << 32] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let wire = bytes(write(0x82, length, mask));
                let from = if mask.is_some() {
                    Role::Client
                } else {
                    Role::Server
                };
                for short in 0..wire.len() {
                    let needs = read(&wire[..short], from).unwrap().unwrap_err();
                    assert!(needs > short && needs <= wire.len());
                }
                let header = read(&wire, from).unwrap().unwrap();
                assert_eq!((header.length, header.size), (length as u64, wire.len()));
                assert_eq!(
                    (header.mask, header.opcode, header.is_last),
                    (mask, 2, true)
                );
            }
        }
    }

    #[test]
    fn lengths_that_are_not_the_shortest_are_refused() {
        for wire in [
            &[0x82, 126, 0, 125][..],
            &[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            &[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert!(read(wire, Role::Server).is_err());
        }
    }
}
