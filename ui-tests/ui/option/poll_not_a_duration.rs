use worsen::Store;

#[derive(Store)]
#[store(poll = "often")]
struct State {
    ready: bool,
}

fn main() {}
