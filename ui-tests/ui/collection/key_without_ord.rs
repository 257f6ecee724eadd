use serde::{Deserialize, Serialize};
use worsen::{Map, Store};

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Colour {
    Red,
    Green,
}

#[derive(Store)]
struct State {
    stock: Map<Colour, u32>,
}

fn main() {}
