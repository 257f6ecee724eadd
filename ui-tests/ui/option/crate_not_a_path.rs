use worsen::Store;

#[derive(Store)]
#[store(crate = 1)]
struct State {
    ready: bool,
}

fn main() {}
