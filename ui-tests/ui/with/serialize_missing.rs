use worsen::Store;

mod codec {
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        serde::Deserialize::deserialize(from)
    }
}

#[derive(Store)]
struct State {
    #[store(with = codec)]
    bytes: Vec<u8>,
}

fn main() {}
