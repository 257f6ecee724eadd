use worsen::Store;

#[derive(Store)]
union State {
    number: u32,
    bytes: [u8; 4],
}

fn main() {}
