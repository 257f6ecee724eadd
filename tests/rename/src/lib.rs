//! A library that knows `worsen` by another name, and refuses every warning that the compiler and
//! clippy have for what a derive writes into a public interface.
//!
//! That it compiles is the test; that it works is tested at the bottom.

#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unnameable_types,
    unreachable_pub,
    unused_qualifications,
    unused_lifetimes,
    unused_results,
    single_use_lifetimes,
    rust_2018_idioms,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::collections::BTreeMap;

use store::Store;

/// The switches of a program.
#[derive(Debug, Store)]
#[store(crate = store, name = "switches", poll = "250ms", durability = Buffered)]
pub struct Switches {
    /// Whether the first run is over.
    #[store(seed = true)]
    pub first_run: bool,
    /// Named levels, from 0 to 1.
    pub levels: BTreeMap<String, f64>,
    pub(crate) inner: u8,
    private: Option<String>,
    /// Not kept.
    #[store(skip)]
    pub cache: usize,
}

/// A store with bounds of its own.
#[derive(Debug, Store)]
#[store(crate = ::store, dir = app("com", "Example", "Rename"), handle = Cells)]
pub struct Table<K, const WIDTH: usize>
where
    K: store::Field + Default + Ord,
{
    /// The first key.
    pub first: K,
    /// The last key.
    #[store(accessor = "end")]
    pub last: K,
}

/// Stores in a module of a library.
pub mod inner {
    /// One whose runtime is found through a re-export.
    #[derive(Debug, store::Store)]
    #[store(crate = "crate::reexport::runtime", accessors = pub)]
    pub struct Inner {
        /// A keyword.
        pub r#type: String,
        pub(super) above: u8,
        pub(in crate::inner) here: u8,
    }

    /// What a private module sees of it.
    #[must_use]
    pub const fn here(inner: &Inner) -> u8 {
        inner.here
    }
}

/// A place where the runtime is known by yet another name.
pub mod reexport {
    pub use store as runtime;
}

#[cfg(test)]
mod tests {
    use store::{Result, Store as _};

    use super::{Cells, Switches, Table, inner::Inner};

    #[test]
    fn a_store_works_under_another_name() -> Result<()> {
        let switches = Switches::builder().in_memory().open()?;
        assert!(switches.first_run());
        switches.set_first_run(false).wait()?;
        let _ = switches
            .update_levels(|levels| levels.insert("volume".to_owned(), 0.5))
            .wait()?;
        switches.set_inner(3).wait()?;
        switches.set_private(Some("x".to_owned())).wait()?;
        let state = switches.snapshot();
        assert_eq!(
            (state.first_run, state.levels["volume"], state.inner),
            (false, 0.5, 3)
        );
        assert_eq!((state.private.as_deref(), state.cache), (Some("x"), 0));

        let table: Cells<u32, 4> = Table::<u32, 4>::builder().in_memory().open()?;
        table.set_end(9).wait()?;
        assert_eq!((table.first(), table.end()), (0, 9));

        let inner = Inner::builder().in_memory().open()?;
        inner.set_type("t".to_owned()).wait()?;
        inner.set_here(inner.above() + 1).wait()?;
        assert_eq!(
            (
                inner.r#type().as_str(),
                super::inner::here(&inner.snapshot())
            ),
            ("t", 1)
        );
        Ok(())
    }
}
