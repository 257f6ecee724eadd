use serde::{Deserialize, Serialize};
use worsen::{Map, Store};

#[derive(Serialize, Deserialize)]
struct Price {
    cents: u32,
}

#[derive(Store)]
struct State {
    prices: Map<String, Price>,
}

fn main() {}
