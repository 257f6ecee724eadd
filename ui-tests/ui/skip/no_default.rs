use worsen::Store;

#[derive(Clone)]
struct Cache;

#[derive(Store)]
struct State {
    ready: bool,
    #[store(skip)]
    cache: Cache,
}

fn main() {}
