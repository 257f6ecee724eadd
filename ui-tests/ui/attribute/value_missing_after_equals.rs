use worsen::Store;

#[derive(Store)]
#[store(name = , poll = "1s")]
struct State {
    #[store(seed = )]
    ready: bool,
}

fn main() {}
