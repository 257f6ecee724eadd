use worsen::Store;

#[derive(Store)]
struct State {
    #[store(name = "Ready", poll = "1s")]
    ready: bool,
}

fn main() {}
