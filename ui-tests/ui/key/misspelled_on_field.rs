use worsen::Store;

#[derive(Store)]
struct State {
    #[store(sead = true, uuid = "Ready")]
    ready: bool,
}

fn main() {}
