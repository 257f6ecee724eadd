use worsen::Store;

fn port() -> u16 {
    7
}

#[derive(Store)]
#[store(dir = port())]
struct State {
    ready: bool,
}

fn main() {}
