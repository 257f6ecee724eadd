use worsen::Store;

#[derive(Store)]
#[store(poll = "5")]
struct State {
    ready: bool,
}

fn main() {}
