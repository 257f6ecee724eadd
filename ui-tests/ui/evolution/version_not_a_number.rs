use worsen::Store;

#[derive(Store)]
#[store(version = "2")]
struct State {
    ready: bool,
}

fn main() {}
