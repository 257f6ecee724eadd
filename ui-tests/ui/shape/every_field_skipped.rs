use worsen::Store;

#[derive(Store)]
struct State {
    #[store(skip)]
    cache: u32,
    #[store(skip)]
    more: u32,
}

fn main() {}
