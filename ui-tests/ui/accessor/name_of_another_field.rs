use worsen::Store;

#[derive(Store)]
struct State {
    ready: bool,
    #[store(accessor = "ready")]
    steady: bool,
}

fn main() {}
