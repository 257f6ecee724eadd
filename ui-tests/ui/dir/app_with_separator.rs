use worsen::Store;

#[derive(Store)]
#[store(dir = app("com", "Example", "Notes/../.."))]
struct State {
    ready: bool,
}

fn main() {}
