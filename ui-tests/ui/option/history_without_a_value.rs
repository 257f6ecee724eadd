use worsen::Store;

#[derive(Store)]
#[store(history = true)]
struct State {
    ready: bool,
}

fn main() {}
