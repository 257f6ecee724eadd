use worsen::Store;

#[derive(Store)]
#[store(name = "state\0")]
struct State {
    ready: bool,
}

fn main() {}
