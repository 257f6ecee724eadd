use worsen::Store;

#[derive(Store)]
#[store(dir = app("com", "Example"))]
struct State {
    ready: bool,
}

fn main() {}
