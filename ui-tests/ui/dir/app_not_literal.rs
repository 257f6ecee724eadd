use worsen::Store;

const COMPANY: &str = "Example";

#[derive(Store)]
#[store(dir = app("com", COMPANY, "Notes"))]
struct State {
    ready: bool,
}

fn main() {}
