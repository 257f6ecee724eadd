use worsen::Store;

#[derive(Store)]
#[store(name = "state" poll = "1s")]
struct State {
    ready: bool,
}

fn main() {}
