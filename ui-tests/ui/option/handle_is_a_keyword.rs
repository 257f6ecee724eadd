use worsen::Store;

#[derive(Store)]
#[store(handle = crate)]
struct State {
    ready: bool,
}

fn main() {}
