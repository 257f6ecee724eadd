use worsen::Store;

#[derive(Store)]
#[store(durability = Fsync)]
struct State {
    ready: bool,
}

fn main() {}
