use worsen::Store;

#[derive(Store)]
#[serde(try_from = "Raw", into = "Raw")]
struct State {
    ready: bool,
}

#[derive(Store)]
#[serde(transparent)]
struct Wrapper {
    ready: bool,
}

fn main() {}
