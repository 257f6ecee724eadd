use worsen::Store;

#[derive(Store)]
struct State {
    count: u32,
}

fn count(store: &StateStore) -> worsen::Result<()> {
    store.set_count("one").wait()?;
    store.update_count(|count| count.push(1)).wait()
}

fn main() {}
