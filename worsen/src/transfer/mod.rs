//! A store as a whole, on its way to somewhere else and back: a copy of it in a file (`backup`), and the state of
//! one (`restore`). Untyped: what a field is, and whether a value fits it, is known by the stores of the floor
//! below. Never here: single commits.

mod backup;
pub(crate) mod restore;

pub use self::backup::{BackedUp, Progress};
