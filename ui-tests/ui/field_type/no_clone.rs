use serde::{Deserialize, Serialize};
use worsen::Store;

#[derive(Default, Serialize, Deserialize)]
struct Job;

#[derive(Store)]
struct State {
    job: Job,
}

fn main() {}
