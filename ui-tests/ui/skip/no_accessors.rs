use worsen::Store;

#[derive(Store)]
struct State {
    ready: bool,
    #[store(skip)]
    cache: u32,
}

fn forget(store: &StateStore) {
    store.set_cache(0).detach();
}

fn main() {}
