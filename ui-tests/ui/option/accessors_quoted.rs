use worsen::Store;

#[derive(Store)]
#[store(accessors = "pub")]
struct State {
    ready: bool,
}

fn main() {}
