use serde::Deserialize;
use worsen::Store;

#[derive(Clone, Default, Deserialize)]
struct Job;

#[derive(Store)]
struct State {
    jobs: Vec<Job>,
}

fn main() {}
