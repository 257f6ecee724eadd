use worsen::Store;

#[derive(Store)]
#[store = "state"]
struct State {
    ready: bool,
}

fn main() {}
