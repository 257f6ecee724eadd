use worsen::Store;

#[derive(Store)]
struct State {
    ready: bool,
    #[store(skip, env = "CACHE")]
    cache: u32,
}

fn main() {}
