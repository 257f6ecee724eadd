use worsen::Store;

#[derive(Store)]
struct State {
    #[store(accessor = is_ready)]
    ready: bool,
}

fn is_ready(store: &StateStore) -> bool {
    store.is_ready()
}

fn main() {}
