//! Stores as older programs have left them, and the structs of these programs. `src/bin/make_fixtures.rs` makes the
//! files in `tests/fixtures`, and the topic `fixtures` opens them. Once a program has been released, its struct stays
//! here as it is.

use std::collections::BTreeMap;

use worsen::{Map, Queue, Raw, Set, Store, WorkQueue};

/// Of version 0: before it had one.
#[derive(Store)]
#[store(name = "app")]
pub struct First {
    /// A plain value under a uid of its own.
    #[store(uid = "AppInit", seed = true)]
    pub init: bool,
    /// In seconds.
    pub timeout: u32,
    /// A list that is written whole.
    pub list: Vec<u32>,
    /// A map that is written whole.
    pub plain: BTreeMap<String, u32>,
    /// A map with an entry for each key.
    pub users: Map<String, u32>,
    /// A queue with an entry for each item.
    pub jobs: Queue<u32>,
    /// A set with an entry for each element.
    pub tags: Set<String>,
    /// A work queue.
    pub chores: WorkQueue<String>,
}

/// Of version 1.
#[derive(Store)]
#[store(name = "app", version = 1)]
pub struct Second {
    /// As before, under another uid.
    #[store(alias = "AppInit", seed = true)]
    pub init: bool,
    /// In seconds.
    pub timeout: u32,
    /// As before.
    pub users: Map<String, u32>,
}

/// Of version 2.
#[derive(Store)]
#[store(name = "app", version = 2, migrate = to_third)]
pub struct Third {
    /// As before.
    #[store(alias = "AppInit", seed = true)]
    pub init: bool,
    /// In milliseconds.
    #[store(seed = 1)]
    pub timeout_ms: u64,
    /// As before.
    pub users: Map<String, u32>,
}

fn to_third(store: &mut Raw<'_>, from: u32) -> worsen::Result<()> {
    let seconds = match from {
        0 | 1 => store.get::<u64>("timeout")?,
        _ => None,
    };
    if let Some(seconds) = seconds {
        store.set("timeout_ms", seconds * 1000)?;
        store.remove("timeout");
    }
    Ok(())
}

/// Of version 3, the newest one.
#[derive(Store)]
#[store(name = "app", version = 3, compatible = 2, migrate = to_third)]
pub struct Newest {
    /// As before.
    #[store(alias = "AppInit", seed = true)]
    pub init: bool,
    /// As before.
    #[store(seed = 1)]
    pub timeout_ms: u64,
    /// `users` before.
    #[store(alias = "users")]
    pub people: Map<String, u32>,
    /// `jobs` before, when it was no work queue.
    #[store(alias = "jobs")]
    pub tasks: WorkQueue<u32>,
    /// As in version 0.
    pub list: Vec<u32>,
    /// As in version 0.
    pub plain: BTreeMap<String, u32>,
    /// As in version 0.
    pub tags: Set<String>,
    /// As in version 0.
    pub chores: WorkQueue<String>,
}
