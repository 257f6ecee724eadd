use worsen::Store;

#[derive(Store)]
#[store(version = 0)]
struct State {
    ready: bool,
}

fn main() {}
