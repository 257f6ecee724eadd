//! Values under uids that are chosen at run time, by the names of the original worsen.

use std::time::Duration;

use worsen::{Options, PersistentStore, seeds};

fn main() -> Result<(), worsen::Error> {
    let store = PersistentStore::<bool>::new("keyed-example", Options::default())?;
    store.init(
        Duration::from_secs(5),
        seeds![("AppInit", true), ("AppErrors", false)],
    )?;
    println!("AppInit: {:?}", store.read("AppInit"));

    store.write("AppErrors", true).wait()?;
    let flipped = store
        .update("AppInit", |value| {
            let flipped = !value.unwrap_or(false);
            *value = Some(flipped);
            flipped
        })
        .wait()?;
    println!(
        "AppInit is {flipped} now, and will be {} at the next run.",
        !flipped
    );

    for (uid, value) in &store {
        println!("{uid} = {value}");
    }
    Ok(())
}
