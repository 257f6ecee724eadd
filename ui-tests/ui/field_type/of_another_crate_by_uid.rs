use std::cmp::Ordering;

use worsen::{Options, PersistentStore};

fn main() -> worsen::Result<()> {
    let store = PersistentStore::<Ordering>::new("columns", Options::default())?;
    store.write("name", Ordering::Greater).wait()
}
