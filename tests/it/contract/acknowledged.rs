//! A write that was acknowledged is there: for the next read, when the store is opened again, and after a power
//! cut. So is what was only queued when the last handle went.

use worsen::{Condition, Durability, Handle};
use worsen_tests::State;

use super::kinds::{Ability, each, each_with, next, queued};

#[test]
fn a_write_is_read_back_at_once_and_after_reopening() {
    each(|location| {
        let store = location.open();
        for count in 1..=20 {
            store.set_count(count).wait().unwrap();
            assert_eq!(store.count(), count);
            assert_eq!(store.snapshot().count, count);
        }
        let written = pollster::block_on(async {
            store.set_note("noted".into()).await?;
            store
                .update_jobs(|jobs| {
                    jobs.extend(["first".to_owned(), "second".to_owned()]);
                    jobs.len()
                })
                .await
        });
        assert_eq!(written.unwrap(), 2);
        let revision = store.revision();
        assert_eq!(store.note(), "noted");
        if location.can(Ability::Reopening, "reading after reopening") {
            drop(store);
            let store = location.open();
            let state = store.snapshot();
            assert_eq!((state.count, &*state.note), (20, "noted"));
            assert_eq!(state.jobs, ["first", "second"]);
            assert_eq!(store.revision(), revision);
            assert!(!store.was_created());
        }
    });
}

#[test]
fn a_write_happens_from_its_first_poll_on_and_not_before() {
    each(|location| {
        let store = location.open();
        drop(store.set_count(1));
        store.sync().wait().unwrap();
        assert_eq!((store.count(), store.revision()), (0, 1));
        drop(queued(store.set_count(2)));
        store.sync().wait().unwrap();
        assert_eq!((store.count(), store.revision()), (2, 2));
    });
}

#[test]
fn what_is_queued_when_the_last_handle_goes_is_committed() {
    each(|location| {
        let store = location.open();
        // A reader of changes keeps the store open, and is no handle.
        let mut changes = store.changes(store.revision()).unwrap();
        for _ in 0..50 {
            store.update_count(|count| *count += 1).detach();
        }
        drop(store);
        for count in 1..=50_u64 {
            let change = next(&mut changes);
            let entry = change.entries().next().unwrap();
            assert_eq!(entry.new_value(), Some(&*count.to_string()));
        }
        drop(changes);
        if location.can(Ability::Reopening, "reading after reopening") {
            let store = location.open();
            assert_eq!(store.count(), 50);
            for _ in 0..50 {
                store.update_count(|count| *count += 1).detach();
            }
            drop(store);
            assert_eq!(location.open().count(), 100);
        }
    });
}

#[test]
fn buffered_writes_are_read_at_once_and_are_there_after_closing() {
    each(|location| {
        let open = || {
            let builder = location.builder::<State>();
            builder.durability(Durability::Buffered).open().unwrap()
        };
        let store = open();
        for count in 1..=100 {
            store.set_count(count).wait().unwrap();
            assert_eq!(store.count(), count);
        }
        let synced = store.set_count(101).durability(Durability::Synced);
        synced.wait().unwrap();
        store.set_count(102).wait().unwrap();
        store.sync().wait().unwrap();
        pollster::block_on(store.sync()).unwrap();
        assert_eq!((store.count(), store.revision()), (102, 103));
        if location.can(Ability::Reopening, "reading after reopening") {
            store.set_count(103).wait().unwrap();
            drop(store);
            let store = open();
            assert_eq!((store.count(), store.revision()), (103, 104));
        }
    });
}

#[test]
fn a_power_cut_takes_no_acknowledged_write_but_the_newest_buffered_ones() {
    each_with(Ability::PowerCuts, |location| {
        let store = location.open();
        store.set_count(1).wait().unwrap();
        store.update(|state| state.count = 2).wait().unwrap();
        let left = |least: u64, most: u64| {
            let mut seen = 0;
            for after in location.after_power_cut() {
                let count = after.open().count();
                assert!(
                    (least..=most).contains(&count),
                    "{count} is none of {least} to {most}"
                );
                seen += 1;
            }
            assert!(seen > 0);
        };
        left(2, 2);
        for count in 3..=5 {
            let buffered = store.set_count(count).durability(Durability::Buffered);
            buffered.wait().unwrap();
        }
        left(2, 5);
        store.sync().wait().unwrap();
        left(5, 5);
    });
}

/// Beside a closure that the machine was too busy for.
fn health(store: &Handle<State>) -> Vec<Condition> {
    let mut health = store.health();
    health.retain(|condition| !matches!(condition, Condition::SlowClosure { .. }));
    health
}

#[test]
fn a_store_that_works_has_nothing_to_report() {
    each(|location| {
        let store = location.open();
        assert!(health(&store).is_empty(), "{:?}", store.health());
        assert!(store.was_created());
        assert_eq!(store.store_name(), "state");
        store.set_count(1).wait().unwrap();
        let failed = store.try_update(|_| Err::<(), _>("no")).wait();
        assert_eq!(failed.unwrap(), Err("no"));
        assert!(health(&store).is_empty(), "{:?}", store.health());
        assert!(store.recovered().is_empty(), "{:?}", store.recovered());
        if location.can(Ability::Reopening, "looking after reopening") {
            drop(store);
            let store = location.open();
            assert!(health(&store).is_empty(), "{:?}", store.health());
            assert!(store.recovered().is_empty(), "{:?}", store.recovered());
        }
    });
}
