use worsen::Store;

#[derive(Store)]
#[store(colour = "red")]
struct State {
    ready: bool,
}

fn main() {}
