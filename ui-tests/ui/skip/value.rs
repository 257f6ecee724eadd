use worsen::Store;

#[derive(Store)]
struct State {
    ready: bool,
    #[store(skip = true)]
    cache: u32,
}

fn main() {}
