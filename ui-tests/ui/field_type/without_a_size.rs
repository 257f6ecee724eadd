use worsen::Store;

trait Shape: Send + Sync {}

#[derive(Store)]
struct State {
    shape: dyn Shape + Send,
}

#[derive(Store)]
struct Words {
    words: str,
}

#[derive(Store)]
struct Bytes {
    bytes: [u8],
}

fn main() {}
