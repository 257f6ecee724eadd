use worsen::{Queue, Store};

#[derive(Clone)]
struct Job {
    task: String,
}

#[derive(Store)]
struct State {
    jobs: Queue<Job>,
}

fn main() {}
