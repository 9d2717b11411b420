//! Layers that fail or break their contract.

use std::ops::Range;

use crate::host::{Fault, LayerHandle, LayerMaker, Scratch};
use crate::{Error, Layer, LayerFactory, LayerIo, Phase, Role};

/// A layer that does the same at each receive.
struct Fixed {
    ranges: &'static [Range<usize>],
    result: Result<usize, Error>,
}

impl LayerFactory for Fixed {
    type Layer = FixedLayer;
    const NAME: &'static str = "fixed";

    fn layer(&self, _role: Role) -> FixedLayer {
        FixedLayer(self.ranges, self.result.clone())
    }
}

struct FixedLayer(&'static [Range<usize>], Result<usize, Error>);

impl Layer for FixedLayer {
    fn receive(&mut self, _input: &mut [u8], io: &mut LayerIo<'_>) -> Result<usize, Error> {
        io.enter(Phase::Open);
        for range in self.0 {
            io.plain(range.clone());
        }
        self.1.clone()
    }

    fn send(&mut self, _plain: &[u8], _io: &mut LayerIo<'_>) -> Result<(), Error> {
        unreachable!("a bug")
    }
}

fn receive(ranges: &'static [Range<usize>], result: Result<usize, Error>) -> Result<usize, Fault> {
    layer(ranges, result).receive(&mut Scratch::default(), &mut [0; 8])
}

fn layer(ranges: &'static [Range<usize>], result: Result<usize, Error>) -> LayerHandle {
    LayerMaker::new(Fixed { ranges, result }).layer(Role::Client)
}

#[test]
fn ranges_must_lie_in_what_was_consumed() {
    assert_eq!(receive(&[0..2, 4..8], Ok(8)), Ok(8));
    assert_eq!(receive(&[0..2, 4..8], Ok(7)), Err(Fault::Broken));
    assert_eq!(receive(&[], Ok(9)), Err(Fault::Broken));
}

#[test]
fn ranges_must_be_in_order() {
    assert_eq!(receive(&[4..8, 0..2], Ok(8)), Err(Fault::Broken));
    assert_eq!(receive(&[0..3, 2..4], Ok(8)), Err(Fault::Broken));
}

#[test]
fn plain_bytes_before_an_error_count() {
    let (mut scratch, error) = (Scratch::default(), Error::malformed("a wrong tag"));
    let result = layer(&[0..1, 1..3], Err(error.clone())).receive(&mut scratch, &mut [0; 8]);
    assert_eq!(result, Err(Fault::Error(error)));
    assert_eq!(scratch.ranges().collect::<Vec<_>>(), [0..1, 1..3]);
}

#[test]
fn a_layer_that_panicked_is_not_called_again() {
    let (mut layer, mut scratch) = (layer(&[], Ok(1)), Scratch::default());
    let Err(Fault::Panicked(panic)) = layer.send(&mut scratch, b"x") else {
        unreachable!("it panics");
    };
    assert_eq!(panic.place(), "send");
    assert_eq!(
        layer.receive(&mut scratch, &mut [0; 8]),
        Err(Fault::Panicked(panic))
    );
    assert_eq!(layer.limit(), 0);
}
