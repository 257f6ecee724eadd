use worsen::Store;

#[derive(Store)]
#[store(removed("port"))]
struct State {
    port: u16,
}

fn main() {}
