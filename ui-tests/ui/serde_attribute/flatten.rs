use std::collections::BTreeMap;

use worsen::Store;

#[derive(Store)]
struct State {
    #[serde(flatten)]
    rest: BTreeMap<String, u32>,
}

fn main() {}
