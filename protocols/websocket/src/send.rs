//! Frames to the peer.

use edgepoll_protocol::{Error, ErrorKind, Io, Role};

use crate::deflate::deflater::Deflater;
use crate::deflate::Agreed;
use crate::frame::header::{self, CONTINUATION, MOST_OF_CONTROL};
use crate::frame::mask;
use crate::kind;
use crate::settings::MOST_OF_MESSAGE;
use crate::shared::Shared;

/// How much is masked at once.
const BLOCK: usize = 4096;
/// Set in the first byte of a message's last frame.
const LAST: u8 = 0x80;
/// Set in the first byte of a compressed message's first frame.
const COMPRESSED: u8 = 0x40;

/// What has been sent of a message that goes on.
struct Begun {
    kind: u8,
    is_compressed: bool,
}

/// The state of what is sent.
#[derive(Default)]
pub(crate) struct Sender {
    begun: Option<Begun>,
    /// The state of compression, once a message was compressed.
    deflater: Option<Box<Deflater>>,
}

impl Sender {
    /// Sends a text or a binary message, or a part of one.
    #[inline]
    pub(crate) fn message(
        &mut self,
        kind: u8,
        body: &[u8],
        role: Role,
        deflate: Option<&Agreed>,
        shared: &Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Error> {
        let (what, goes_on) = (kind & !(kind::MORE | kind::PLAIN), kind & kind::MORE != 0);
        if body.len() > MOST_OF_MESSAGE {
            return Err(Error::too_long("one write sends at most 48 MiB"));
        }
        if self.begun.as_ref().is_some_and(|begun| begun.kind != what) {
            return Err(refused("a message of another kind has begun"));
        }
        let is_first = self.begun.is_none();
        let is_compressed = match &self.begun {
            Some(begun) => begun.is_compressed,
            None => wants(kind, body, deflate, shared),
        };
        let first = if goes_on { 0 } else { LAST }
            | if is_first { what } else { CONTINUATION }
            | if is_first && is_compressed {
                COMPRESSED
            } else {
                0
            };
        match deflate.filter(|_| is_compressed) {
            Some(agreed) => self.compressed(first, body, role, agreed, shared, io)?,
            None => frame(first, body, role, shared, io)?,
        }
        self.begun = goes_on.then_some(Begun {
            kind: what,
            is_compressed,
        });
        Ok(())
    }

    fn compressed(
        &mut self,
        first: u8,
        body: &[u8],
        role: Role,
        agreed: &Agreed,
        shared: &Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Error> {
        let level = shared.settings.deflate.as_ref().map_or(6, |own| own.level);
        let is_last = first & LAST != 0;
        let mut pool = shared.pool.borrow_mut();
        let mut output = pool.buffer();
        let state = self
            .deflater
            .get_or_insert_with(|| Box::new(pool.deflater(agreed, level)));
        if !state.deflate(body, is_last, &mut output) {
            return Err(refused("compression failed"));
        }
        let sent = frame(first, &output, role, shared, io);
        pool.give_buffer(output);
        if let Some(state) = self.deflater.take_if(|_| agreed.own_reset && is_last) {
            pool.give_deflater(*state, agreed);
        }
        sent
    }
}

/// Whether a message that begins with `body` is compressed.
fn wants(kind: u8, body: &[u8], deflate: Option<&Agreed>, shared: &Shared) -> bool {
    let (Some(agreed), Some(own)) = (deflate, &shared.settings.deflate) else {
        return false;
    };
    kind & kind::PLAIN == 0
        && agreed.own_bits > 8
        && !body.is_empty()
        && body.len() >= own.threshold
}

/// Sends a control frame.
pub(crate) fn control(
    kind: u8,
    payload: &[u8],
    role: Role,
    shared: &Shared,
    io: &mut Io<'_>,
) -> Result<(), Error> {
    if payload.len() > MOST_OF_CONTROL {
        return Err(Error::too_long("a control frame has at most 125 bytes"));
    }
    frame(LAST | kind, payload, role, shared, io)
}

/// Sends a frame. A client's is masked.
#[inline]
fn frame(
    first: u8,
    payload: &[u8],
    role: Role,
    shared: &Shared,
    io: &mut Io<'_>,
) -> Result<(), Error> {
    if role == Role::Server {
        let (header, size) = header::write(first, payload.len(), None);
        io.send(&header[..size]);
        io.send(payload);
        return Ok(());
    }
    let mask = shared.random.borrow_mut().take()?;
    let (header, size) = header::write(first, payload.len(), Some(mask));
    io.send(&header[..size]);
    let mut block = [0; BLOCK];
    for piece in payload.chunks(BLOCK) {
        let block = &mut block[..piece.len()];
        block.copy_from_slice(piece);
        // Each block but the last one has a multiple of four bytes.
        mask::apply(block, mask);
        io.send(block);
    }
    Ok(())
}

pub(crate) fn refused(text: &'static str) -> Error {
    Error::new(ErrorKind::Refused, text)
}
