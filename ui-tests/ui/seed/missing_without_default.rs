use serde::{Deserialize, Serialize};
use worsen::Store;

#[derive(Clone, Serialize, Deserialize)]
enum Power {
    On,
    Off,
}

#[derive(Store)]
struct State {
    power: Power,
}

fn power(store: &StateStore) -> bool {
    matches!(store.power(), Power::On)
}

fn main() {}
