//! Guides: what is worth knowing beyond a single item. Text alone, each page a module.

#[doc = include_str!("files.md")]
pub mod files {}

#[doc = include_str!("filesystems.md")]
pub mod filesystems {}

#[doc = include_str!("older_and_newer.md")]
pub mod older_and_newer {}

#[cfg(feature = "testing")]
#[doc = include_str!("power_cuts.md")]
pub mod power_cuts {}

#[doc = include_str!("types.md")]
pub mod types {}
