use worsen::Store;

#[derive(Store)]
struct State {
    #[store(seed = struct, uid = "Ready")]
    ready: bool,
}

fn main() {}
