use worsen::Store;

#[derive(Store)]
#[store("state", "./db")]
struct State {
    #[store("Ready")]
    ready: bool,
}

fn main() {}
