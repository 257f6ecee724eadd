use worsen::Store;

#[derive(Store)]
struct State {
    #[store(accessor = "is_ready ")]
    ready: bool,
}

fn main() {}
