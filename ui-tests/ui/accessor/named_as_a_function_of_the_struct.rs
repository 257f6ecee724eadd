use worsen::Store;

#[derive(Store)]
struct State {
    open: bool,
}

fn main() {}
