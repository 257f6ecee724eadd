use serde::Deserialize;
use worsen::{Store, WorkQueue};

#[derive(Deserialize)]
struct Job;

#[derive(Store)]
struct State {
    jobs: WorkQueue<Job>,
}

fn main() {}
