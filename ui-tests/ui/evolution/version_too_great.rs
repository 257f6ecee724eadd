use worsen::Store;

#[derive(Store)]
#[store(version = 4294967296)]
struct State {
    ready: bool,
}

fn main() {}
