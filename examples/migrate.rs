//! A program in its third version opens what the first one has left. Each version stands in a module, as it was
//! released; a real program has the newest one alone. They run on one store at the same time, too.

use worsen::{ErrorKind, Store};

/// Knows nothing of versions.
mod first {
    use worsen::Map;

    #[derive(worsen::Store)]
    #[store(name = "migrate", dir = "./db")]
    pub(crate) struct App {
        /// In seconds.
        pub(crate) timeout: u32,
        pub(crate) users: Map<String, u32>,
        pub(crate) splash: bool,
    }
}

/// `timeout` is in milliseconds now, which its type does not tell: so there is a version, and a migration to it.
mod second {
    use worsen::{Map, Raw};

    #[derive(worsen::Store)]
    #[store(name = "migrate", dir = "./db", version = 1, migrate = to_milliseconds)]
    pub(crate) struct App {
        #[store(seed = 1_000)]
        pub(crate) timeout_ms: u64,
        pub(crate) users: Map<String, u32>,
        pub(crate) splash: bool,
    }

    fn to_milliseconds(store: &mut Raw<'_>, from: u32) -> worsen::Result<()> {
        if from > 0 {
            return Ok(());
        }
        if let Some(seconds) = store.get::<u64>("timeout")? {
            store.set("timeout_ms", seconds * 1_000)?;
            store.remove("timeout");
        }
        Ok(())
    }
}

/// `users` has another name, and `splash` is gone: the second version can go on beside.
mod third {
    use worsen::Map;

    #[derive(worsen::Store)]
    #[store(
        name = "migrate",
        dir = "./db",
        version = 2,
        compatible = 1,
        removed("splash")
    )]
    pub(crate) struct App {
        #[store(seed = 1_000)]
        pub(crate) timeout_ms: u64,
        #[store(alias = "users")]
        pub(crate) people: Map<String, u32>,
    }
}

fn main() -> Result<(), worsen::Error> {
    // So that each run begins with a store of the first version.
    for file in ["migrate.db", "migrate.cache.db", "migrate.lock"] {
        drop(std::fs::remove_file(
            std::path::Path::new("./db").join(file),
        ));
    }
    let oldest = first::App::open()?;
    oldest
        .update(|app| {
            app.timeout = 30;
            app.users.insert("Ada".into(), 36);
        })
        .wait()?;

    let older = second::App::open()?;
    println!("The second version reads {} ms.", older.timeout_ms());
    for repair in older.recovered().repairs() {
        println!("It was told: {repair}.");
    }

    // The first version has the store open. It reads on, and writes no more.
    let refused = oldest.set_timeout(10).wait().err();
    assert_eq!(
        refused.as_ref().map(|error| error.kind()),
        Some(ErrorKind::Version)
    );
    println!("The first version still reads {} s.", oldest.timeout());
    if let Some(error) = refused {
        println!("Its write is refused: {error}.");
    }

    // The third version lets the second one go on.
    let newest = third::App::open()?;
    newest
        .update_people(|people| people.insert("Grace".into(), 37))
        .wait()?;
    older.set_timeout_ms(5_000).wait()?;
    println!(
        "The third version reads {} ms and {} people.",
        newest.timeout_ms(),
        newest.people().len()
    );
    Ok(())
}
