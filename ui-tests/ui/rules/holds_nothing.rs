use worsen::Store;

#[derive(Store)]
struct State {
    #[store(range = 10..=1)]
    a: u8,
    #[store(range = 5..5)]
    b: u8,
    #[store(range = ..)]
    c: u8,
    #[store(len = 3..=2)]
    d: String,
    #[store(one_of = [])]
    e: String,
}

fn main() {}
