use worsen::Store;

#[derive(Store)]
#[store(durability = "Buffered")]
struct State {
    ready: bool,
}

fn main() {}
