use worsen::Store;

#[derive(Store)]
#[store(version = 2, compatible = 3)]
struct State {
    ready: bool,
}

fn main() {}
