use worsen::Store;

#[derive(Default)]
struct Cache;

#[derive(Store)]
struct State {
    ready: bool,
    #[store(skip)]
    cache: Cache,
}

fn main() {}
