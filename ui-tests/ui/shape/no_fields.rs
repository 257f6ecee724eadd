use worsen::Store;

#[derive(Store)]
struct State {}

fn main() {}
