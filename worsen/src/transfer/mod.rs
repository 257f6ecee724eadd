//! A store as a whole, on its way to somewhere else and back: a copy of it in a file (`backup`), and the state of
//! one (`restore`); whether its files are whole (`check`); and what another program left for it (`import`). Untyped: what a field is, and whether a value fits it, is known by the stores of the floor
//! below. Never here: single commits.

mod backup;
pub(crate) mod check;
pub(crate) mod import;
pub(crate) mod restore;

pub use self::{
    backup::{BackedUp, Progress},
    check::{Report, Unreadable, check},
    import::Import,
};
