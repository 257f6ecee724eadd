use worsen::Store;

#[derive(Store)]
struct State {
    ready: bool,
    #[store(skip, alias = "old")]
    port: u16,
}

fn main() {}
