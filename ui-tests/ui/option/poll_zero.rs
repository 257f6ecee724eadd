use worsen::Store;

#[derive(Store)]
#[store(poll = "0s")]
struct State {
    ready: bool,
}

fn main() {}
