//! What a store tells while it works: a line on stderr when it was asked to, an event for `tracing` always
//! (with the feature of that name). It never decides anything, and a listener that panics, or a line that
//! cannot be printed, stops no thread.

use std::{fmt, io::Write as _};

#[cfg(feature = "tracing")]
use crate::callbacks::quietly;

/// The environment variable that turns debug lines on for every store of the process.
pub(crate) const VARIABLE: &str = "DEBUG_PERSISTENCE";

/// Whether `DEBUG_PERSISTENCE=true` stands in the environment.
pub(crate) fn asked_for() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| value == "true")
}

#[derive(Debug, Clone)]
pub(crate) struct Debug {
    store: std::sync::Arc<str>,
    on: bool,
}

impl Debug {
    pub(crate) fn new(store: std::sync::Arc<str>, on: bool) -> Self {
        Debug { store, on }
    }

    /// Something ordinary happened. The arguments are formatted only for a listener.
    pub(crate) fn say(&self, what: fmt::Arguments<'_>) {
        if self.on {
            print(format_args!("{}: {what}", self.store));
        }
        #[cfg(feature = "tracing")]
        quietly(|| tracing::debug!(store = &*self.store, "{what}"));
    }

    /// Something happened that a person should look at, and that no caller is told of otherwise.
    pub(crate) fn warn(&self, what: fmt::Arguments<'_>) {
        if self.on {
            print(format_args!("{}: warning: {what}", self.store));
        }
        #[cfg(feature = "tracing")]
        quietly(|| tracing::warn!(store = &*self.store, "{what}"));
    }
}

/// One line on stderr. `eprintln!` panics where stderr is a pipe without a reader, or a full disk; a store
/// whose lines are lost goes on.
fn print(line: fmt::Arguments<'_>) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
