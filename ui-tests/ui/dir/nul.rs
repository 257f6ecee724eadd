use worsen::Store;

#[derive(Store)]
#[store(dir = "a\0b")]
struct State {
    ready: bool,
}

fn main() {}
