use worsen::Store;

#[derive(Store)]
#[store(removed(""))]
struct State {
    port: u16,
}

fn main() {}
