//! Errors of a program and a store that have come apart: a version, a migration, a uid, a rule, a variable.

use worsen::{Raw, Store};

use super::{Told, holds, told};
use crate::support::folder;

#[derive(Store)]
#[store(name = "app", version = 2)]
struct Newer {
    count: u64,
    #[store(range = ..=9)]
    small: u64,
}

#[derive(Store)]
#[store(name = "app", version = 3, migrate = fails)]
struct Failing {
    count: u64,
}

fn fails(store: &mut Raw<'_>, _: u32) -> worsen::Result<()> {
    store.set("count", 8)?;
    Err(store.refuse("it cannot go on"))
}

/// A store whose count is 7 in the hands of the newer program.
fn of_seven() -> (tempfile::TempDir, NewerStore) {
    let folder = folder();
    let store = Newer::builder().dir(folder.path()).open().unwrap();
    store.set_count(7).wait().unwrap();
    (folder, store)
}

pub(super) fn a_program_that_is_older_than_the_store() -> Told {
    #[derive(Store)]
    #[store(name = "app", version = 1)]
    struct Older {
        #[store(seed = 8)]
        count: u64,
    }
    let folder = folder();
    let older = Older::builder().dir(folder.path()).open().unwrap();
    let newer = Newer::builder().dir(folder.path()).open().unwrap();
    newer.set_count(7).wait().unwrap();
    let error = older.set_count(9).wait().unwrap_err();
    holds(&error, &7, &9, &newer.count());
    drop((older, newer));
    let refused = Older::builder().dir(folder.path()).open().unwrap_err();
    [told(&error), told(&refused)].concat()
}

pub(super) fn a_migration_that_fails() -> Told {
    let (folder, store) = of_seven();
    drop(store);
    let error = Failing::builder().dir(folder.path()).open().unwrap_err();
    let store = Newer::builder().dir(folder.path()).open().unwrap();
    holds(&error, &7, &8, &store.count());
    told(&error)
}

pub(super) fn a_uid_without_a_field() -> Told {
    #[derive(Store)]
    #[store(name = "app", version = 2, deny_unknown)]
    struct Strict {
        count: u64,
    }
    let (folder, store) = of_seven();
    drop(store);
    let error = Strict::builder().dir(folder.path()).open().unwrap_err();
    let store = Newer::builder().dir(folder.path()).open().unwrap();
    holds(&error, &7, &0, &store.count());
    told(&error)
}

pub(super) fn a_value_that_breaks_its_rule() -> Told {
    let (_folder, store) = of_seven();
    let error = store.set_small(10).wait().unwrap_err();
    holds(&error, &0, &10, &store.small());
    told(&error)
}

pub(super) fn a_variable_that_no_field_can_be() -> Told {
    #[derive(Store)]
    #[store(name = "app", version = 2)]
    struct Overridden {
        #[store(env = "APP_COUNT")]
        count: u64,
    }
    let (folder, store) = of_seven();
    drop(store);
    let builder = Overridden::builder().dir(folder.path());
    let opened = builder.environment(|_| Some("nine".into())).open();
    let error = opened.unwrap_err();
    let store = Newer::builder().dir(folder.path()).open().unwrap();
    holds(&error, &7, &9, &store.count());
    told(&error)
}
