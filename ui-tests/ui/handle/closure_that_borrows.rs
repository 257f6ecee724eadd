use worsen::Store;

#[derive(Store)]
struct State {
    count: u32,
}

fn count(store: &StateStore) -> worsen::Result<()> {
    let step = 2;
    store.update_count(|count| *count += step).wait()
}

fn main() {}
