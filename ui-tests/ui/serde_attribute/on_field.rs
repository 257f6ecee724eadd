use worsen::Store;

#[derive(Store)]
struct State {
    #[serde(rename = "Ready")]
    ready: bool,
    #[serde(default = "yes")]
    steady: bool,
    #[serde(skip)]
    cache: u32,
    #[serde(with = "codec")]
    bytes: Vec<u8>,
    #[serde(flatten)]
    rest: u32,
}

fn main() {}
