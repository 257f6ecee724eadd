use worsen::Store;

#[derive(Store)]
#[store(history = 0)]
struct State {
    ready: bool,
}

fn main() {}
