use worsen::Store;

#[derive(Store)]
struct State {
    ready: bool,
    #[serde(skip)]
    #[store(seed = 3)]
    cache: u32,
    #[store(skip = true)]
    rest: u32,
}

fn main() {}
