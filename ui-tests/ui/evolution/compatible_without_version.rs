use worsen::Store;

#[derive(Store)]
#[store(compatible = 1)]
struct State {
    ready: bool,
}

fn main() {}
