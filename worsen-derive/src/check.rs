//! The rules a store must keep, each a `check_*` function under the words of the rule.
//!
//! A check only tells. What is expanded of a wrong struct is decided in `expand`.

use crate::{attr::Ctxt, model::Store};

pub(crate) fn check(_ctxt: &Ctxt, _store: &Store<'_>) {}

pub(crate) fn is_reserved(_name: &str) -> bool { false }
pub(crate) fn is_accessor_name(_name: &str) -> bool { true }
