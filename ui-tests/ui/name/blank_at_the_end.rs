use worsen::Store;

#[derive(Store)]
#[store(name = "state ")]
struct State {
    ready: bool,
}

fn main() {}
