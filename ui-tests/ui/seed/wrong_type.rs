use worsen::Store;

#[derive(Store)]
struct State {
    #[store(seed = "yes")]
    ready: bool,
    #[store(seed = "unnamed")]
    label: String,
}

fn main() {}
