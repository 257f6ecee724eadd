use worsen::Store;

#[derive(Store)]
struct State {
    #[store(seed = START)]
    count: u32,
}

fn main() {}
