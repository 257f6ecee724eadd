use worsen::Store;

#[derive(Store)]
#[store(history = "a week")]
struct State {
    ready: bool,
}

fn main() {}
