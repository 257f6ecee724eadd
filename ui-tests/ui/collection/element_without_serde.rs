use worsen::{Set, Store};

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Colour {
    Red,
    Green,
}

#[derive(Store)]
struct State {
    seen: Set<Colour>,
}

fn main() {}
