//! TCP: each direction's bytes in order, in bounded memory, with what is missing told as gaps.

mod held;
mod recent;
mod seq;
mod stream;

pub(crate) use held::Fragment;
pub(crate) use stream::{Arrival, Phase, Stream};
