use worsen::Store;

#[derive(Store)]
#[store(removed("old"))]
struct State {
    #[store(alias = "old")]
    port: u16,
}

fn main() {}
