use worsen::Store;

#[derive(Store)]
struct State {
    ready: bool,
    #[serde(skip_serializing)]
    token: u32,
    #[serde(skip_deserializing)]
    cache: u32,
}

fn main() {}
