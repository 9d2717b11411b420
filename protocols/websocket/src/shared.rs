//! What all connections of a protocol share.

use std::cell::RefCell;

use crate::deflate::pool::Pool;
use crate::random::Random;
use crate::settings::Settings;

/// What all connections of a protocol share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) random: RefCell<Random>,
    pub(crate) pool: RefCell<Pool>,
}
