use worsen::{Store, WorkQueue};

#[derive(Store)]
struct State {
    urgent: WorkQueue<String>,
    other: WorkQueue<String>,
}

fn push(store: &StateStore, is_urgent: bool) -> worsen::Result<u64> {
    let work = store.work(|state| if is_urgent { &state.urgent } else { &state.other });
    work.push("mail".into()).wait()
}

fn main() {}
