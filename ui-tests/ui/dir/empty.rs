use worsen::Store;

#[derive(Store)]
#[store(dir = "")]
struct State {
    ready: bool,
}

fn main() {}
