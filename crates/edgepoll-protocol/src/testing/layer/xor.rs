//! The simplest layer that has everything of one.

use crate::{Error, Layer, LayerFactory, LayerIo, Phase, Role};

const CLIENT_HELLO: u8 = 0xC1;
const SERVER_HELLO: u8 = 0x51;
/// The length of the record that ends the plain stream.
const END: u8 = 0;

/// A layer for tests, which protects nothing. Each side sends one byte, the client first. Then come records: a length byte, and as many
/// bytes, each XORed with a counter. An empty record ends the plain stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Xor;

impl LayerFactory for Xor {
    type Layer = XorLayer;
    const NAME: &'static str = "xor";

    fn layer(&self, role: Role) -> XorLayer {
        XorLayer {
            role,
            phase: Phase::Handshake,
            received: 0,
            sent: 0,
        }
    }
}

/// [`Xor`] of one connection.
#[derive(Debug)]
pub struct XorLayer {
    role: Role,
    phase: Phase,
    received: u8,
    sent: u8,
}

impl XorLayer {
    fn enter(&mut self, phase: Phase, io: &mut LayerIo<'_>) {
        self.phase = phase;
        io.enter(phase);
    }

    fn handshake(&mut self, first: u8, io: &mut LayerIo<'_>) -> Result<usize, Error> {
        match (self.role, first) {
            (Role::Server, CLIENT_HELLO) => io.send(&[SERVER_HELLO]),
            (Role::Client, SERVER_HELLO) => {}
            _ => return Err(Error::malformed("a wrong first byte")),
        }
        self.enter(Phase::Open, io);
        Ok(1)
    }
}

impl Layer for XorLayer {
    fn start(&mut self, io: &mut LayerIo<'_>) -> Result<(), Error> {
        if self.role == Role::Client {
            io.send(&[CLIENT_HELLO]);
        }
        Ok(())
    }

    fn receive(&mut self, input: &mut [u8], io: &mut LayerIo<'_>) -> Result<usize, Error> {
        let mut at = 0;
        while let Some(&length) = input.get(at) {
            match self.phase {
                Phase::Handshake => at += self.handshake(length, io)?,
                Phase::PeerEnded => return Err(Error::malformed("bytes after the end")),
                _ if length == END => {
                    at += 1;
                    self.enter(Phase::PeerEnded, io);
                }
                _ => {
                    let body = at + 1..at + 1 + usize::from(length);
                    // A record is changed in place once it is whole, because its bytes are shown again until then.
                    let Some(record) = input.get_mut(body.clone()) else {
                        break;
                    };
                    for byte in record {
                        *byte ^= self.received;
                        self.received = self.received.wrapping_add(1);
                    }
                    at = body.end;
                    io.plain(body);
                }
            }
        }
        Ok(at)
    }

    fn send(&mut self, plain: &[u8], io: &mut LayerIo<'_>) -> Result<(), Error> {
        for record in plain.chunks(usize::from(u8::MAX)) {
            io.send(&[record.len() as u8]);
            for byte in record {
                io.send(&[byte ^ self.sent]);
                self.sent = self.sent.wrapping_add(1);
            }
        }
        Ok(())
    }

    fn end(&mut self, io: &mut LayerIo<'_>) {
        if self.phase != Phase::Handshake {
            io.send(&[END]);
        }
    }

    fn peer_ended(&mut self, rest: usize) -> Result<(), Error> {
        if self.phase == Phase::PeerEnded && rest == 0 {
            Ok(())
        } else {
            Err(Error::truncated())
        }
    }
}
