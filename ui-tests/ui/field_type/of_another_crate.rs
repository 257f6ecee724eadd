use std::cmp::Ordering;

use worsen::Store;

#[derive(Store)]
struct State {
    #[store(seed = Ordering::Less)]
    by_name: Ordering,
}

fn main() -> worsen::Result<()> {
    let store = State::open()?;
    store.set_by_name(Ordering::Greater).wait()
}
