use worsen::Store;

#[derive(Store)]
struct State {
    #[serde(alias = "Ready")]
    ready: bool,
}

fn main() {}
