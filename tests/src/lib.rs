//! What tests and their worker processes share. Nothing here tests anything but itself.

pub mod ending;
pub mod fixtures;
mod random;
pub mod torture;
pub mod versions;

pub use random::Random;

use std::collections::{HashMap, VecDeque};

use worsen::{Map, Store, WorkQueue};

/// A store with a bit of everything.
#[derive(Store, Debug)]
#[store(name = "state", poll = "50ms")]
pub struct State {
    /// What many increment.
    pub count: u64,
    /// A text, for sizes.
    #[store(seed = "seeded".to_owned())]
    pub note: String,
    /// A queue that logs itself whole.
    pub jobs: VecDeque<String>,
}

/// A store that is a work queue.
#[derive(Store, Debug)]
#[store(name = "jobs", poll = "never")]
pub struct Jobs {
    /// What is to be done.
    pub jobs: WorkQueue<u64>,
    /// How often each was done.
    pub done: Map<u64, u32>,
}

/// A store that two processes tidy up.
#[derive(Store, Debug)]
#[store(name = "tidied", poll = "never")]
pub struct Tidied {
    /// What really changes.
    pub count: u64,
    /// What is built again each time, in another order.
    pub users: HashMap<String, u64>,
}

/// A store whose fields the environment overrides.
#[derive(Store, Debug)]
#[store(name = "server", poll = "never", env_prefix = "WORSEN_TEST_")]
pub struct Server {
    /// By the prefix and its name.
    #[store(seed = 80, env, range = 1..=65535)]
    pub port: u16,
    /// By a name of its own.
    #[store(env = "WORSEN_TEST_NAME")]
    pub title: String,
    /// By nothing.
    pub note: String,
}
