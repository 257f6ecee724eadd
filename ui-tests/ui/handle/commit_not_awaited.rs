use worsen::Store;

#[derive(Store)]
struct State {
    ready: bool,
}

#[deny(unused_must_use)]
fn set(store: &StateStore) {
    store.set_ready(true);
}

fn main() {}
