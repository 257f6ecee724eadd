use worsen::Store;

#[derive(Store)]
struct State {
    #[store(with = codec)]
    bytes: Vec<u8>,
}

fn main() {}
