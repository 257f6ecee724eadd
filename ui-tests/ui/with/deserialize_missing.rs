use worsen::Store;

mod codec {
    pub fn serialize<S: serde::Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(bytes, to)
    }
}

#[derive(Store)]
struct State {
    #[store(with = "codec")]
    bytes: Vec<u8>,
}

fn main() {}
