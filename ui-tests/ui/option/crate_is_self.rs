use worsen::Store;

#[derive(Store)]
#[store(crate = Self)]
struct State {
    ready: bool,
}

fn main() {}
