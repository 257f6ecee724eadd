use worsen::Store;

const NAME: &str = "state";

#[derive(Store)]
#[store(name = NAME)]
struct State {
    ready: bool,
}

fn main() {}
