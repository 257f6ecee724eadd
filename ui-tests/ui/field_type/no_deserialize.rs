use serde::Serialize;
use worsen::Store;

#[derive(Clone, Default, Serialize)]
struct Job;

#[derive(Store)]
struct State {
    job: Job,
}

fn main() {}
