use worsen::{Queue, Store};

#[derive(Store)]
struct State {
    jobs: Queue<String>,
}

fn push(store: &StateStore) -> worsen::Result<u64> {
    let work = store.work(|state| &state.jobs);
    work.push("mail".into()).wait()
}

fn main() {}
