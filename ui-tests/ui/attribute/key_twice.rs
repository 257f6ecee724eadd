use worsen::Store;

#[derive(Store)]
#[store(name = "state", name = "other")]
struct State {
    #[store(seed = true)]
    #[store(seed = false)]
    ready: bool,
}

fn main() {}
