use worsen::Store;

#[derive(Store)]
#[store(dir = config("com", "Example", ""))]
struct State {
    ready: bool,
}

fn main() {}
