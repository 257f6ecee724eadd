use worsen::Store;

#[derive(Store)]
#[store(name = "db\\state")]
struct State {
    ready: bool,
}

fn main() {}
