use worsen::Store;

#[derive(Store)]
#[store(dir = 7)]
struct State {
    ready: bool,
}

fn main() {}
