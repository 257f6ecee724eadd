use worsen::Store;

#[derive(Store)]
struct State {
    #[store(accessor = "watch")]
    clock: u32,
}

fn main() {}
