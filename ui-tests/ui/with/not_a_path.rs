use worsen::Store;

#[derive(Store)]
struct State {
    #[store(with = "no module")]
    bytes: Vec<u8>,
    #[store(with = 7)]
    more: Vec<u8>,
}

fn main() {}
