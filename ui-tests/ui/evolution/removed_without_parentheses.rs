use worsen::Store;

#[derive(Store)]
#[store(removed = "old")]
struct State {
    port: u16,
}

fn main() {}
