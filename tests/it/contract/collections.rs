//! Fields that log by entry: a commit writes what it changed of them and no more, and they come back as they were.

use std::time::Duration;

use worsen::{Map, Queue, Set, Store, WorkQueue};

use super::kinds::{Ability, LONG, each, each_with, edit, told};

#[derive(Store)]
#[store(name = "shop", poll = "50ms")]
struct Shop {
    prices: Map<String, u64>,
    tags: Set<String>,
    orders: Queue<String>,
    jobs: WorkQueue<String>,
}

/// The same store, by another struct.
#[derive(Store)]
#[store(name = "shop", poll = "50ms")]
struct TwinShop {
    prices: Map<String, u64>,
    tags: Set<String>,
    orders: Queue<String>,
    jobs: WorkQueue<String>,
}

fn fill(shop: &mut Shop) {
    shop.prices.insert("pear".into(), 3);
    shop.prices.insert("apple".into(), 2);
    shop.tags.insert("fresh".into());
    shop.orders.push_back("first".into());
    shop.orders.push_back("second".into());
    shop.jobs.push("sweep".into());
}

#[test]
fn a_commit_writes_the_entries_that_it_changed_and_no_others() {
    each(|location| {
        let store = location.builder::<Shop>().open().unwrap();
        store.update(fill).wait().unwrap();
        let changes = store.changes(store.revision()).unwrap();
        let mut changes = changes.with_old_values().unwrap();
        let price = store.update_prices(|prices| prices.insert("apple".into(), 4));
        assert_eq!(price.wait().unwrap(), Some(2));
        let tag = store.update_tags(|tags| tags.insert("ripe".into()));
        assert!(tag.wait().unwrap());
        let order = store.update_orders(|orders| orders.push_back("third".into()));
        order.wait().unwrap();
        store.update_orders(Queue::pop_front).wait().unwrap();
        // Nothing: so nothing is committed.
        let same = store.update(|shop| {
            shop.prices.insert("apple".into(), 4);
            shop.tags.insert("ripe".into());
            shop.orders.retain(|_| true);
        });
        same.wait().unwrap();
        let gone = ("orders/0".to_owned(), Some("\"first\"".to_owned()), None);
        let begin = changes.revision();
        assert_eq!(
            told(&mut changes),
            [
                (begin + 1, vec![edit("prices/apple", "2", "4")]),
                (begin + 2, vec![edit("tags/ripe", None, "null")]),
                (begin + 3, vec![edit("orders/2", None, "\"third\"")]),
                (begin + 4, vec![gone]),
            ]
        );
        let work = store.work(|shop| &shop.jobs);
        let id = work.push("mop".into()).wait().unwrap();
        let pushed = told(&mut changes);
        assert_eq!(pushed.len(), 1);
        assert_eq!(pushed[0].1[0].0, format!("jobs/{id}"));
    });
}

#[test]
fn collections_come_back_in_their_order() {
    each(|location| {
        let store = location.builder::<Shop>().open().unwrap();
        store.update(fill).wait().unwrap();
        let change = store.update(|shop| {
            shop.prices.remove("pear");
            shop.prices.insert("a / b".into(), 5);
            shop.tags.clear();
            shop.orders.push_front("urgent".into());
            shop.orders.pop_back();
        });
        change.wait().unwrap();
        let check = |store: &ShopStore| {
            let shop = store.snapshot();
            let prices = [("a / b".to_owned(), 5), ("apple".to_owned(), 2)];
            assert_eq!(shop.prices, Map::from(prices));
            assert!(shop.tags.is_empty());
            assert_eq!(
                shop.orders,
                Queue::from(["urgent", "first"].map(str::to_owned))
            );
            assert_eq!(shop.jobs.waiting(), 1);
        };
        check(&store);
        if location.can(Ability::Reopening, "reading after reopening") {
            drop(store);
            let store = location.builder::<Shop>().open().unwrap();
            check(&store);
            store
                .update_orders(|orders| orders.push_back("last".into()))
                .wait()
                .unwrap();
            drop(store);
            let store = location.builder::<Shop>().open().unwrap();
            let orders = ["urgent", "first", "last"].map(str::to_owned);
            assert_eq!(store.orders(), Queue::from(orders));
        }
    });
}

#[test]
fn a_write_that_fails_leaves_every_collection_as_it_was() {
    each(|location| {
        let store = location.builder::<Shop>().open().unwrap();
        store.update(fill).wait().unwrap();
        let before = store.snapshot();
        let failed = store.try_update(|shop| {
            shop.prices.clear();
            shop.tags.insert("never".into());
            shop.orders.pop_front();
            shop.jobs.clear();
            Err::<(), _>("no")
        });
        assert_eq!(failed.wait().unwrap(), Err("no"));
        let after = store.snapshot();
        assert_eq!(after.revision(), before.revision());
        assert_eq!(after.prices, before.prices);
        assert_eq!(after.tags, before.tags);
        assert_eq!(after.orders, before.orders);
        assert_eq!(after.jobs.waiting(), 1);
        // What is written next builds on that, and not on what failed.
        store.update_orders(Queue::pop_front).wait().unwrap();
        assert_eq!(store.orders(), Queue::from(["second".to_owned()]));
    });
}

#[test]
fn a_job_is_taken_once_and_is_there_until_it_is_acknowledged() {
    each(|location| {
        let open = || location.builder::<Shop>().open().unwrap();
        let store = open();
        store.update(fill).wait().unwrap();
        let work = store.work(|shop| &shop.jobs);
        let taken = work.take(LONG).wait().unwrap().expect("there is a job");
        assert_eq!((&**taken, taken.tries()), ("sweep", 1));
        assert!(work.take(LONG).wait().unwrap().is_none());
        assert!(taken.retry("").wait().unwrap());
        assert_eq!(work.queue().waiting(), 1);
        drop((taken, work));
        let store = match location.can(Ability::Reopening, "taking after reopening") {
            true => {
                drop(store);
                open()
            }
            false => store,
        };
        let work = store.work(|shop| &shop.jobs);
        let taken = work.wait(LONG, Duration::ZERO).unwrap().expect("it waits");
        assert_eq!((&**taken, taken.tries()), ("sweep", 2));
        assert!(taken.ack().wait().unwrap());
        assert!(!taken.ack().wait().unwrap(), "it is done already");
        assert!(work.queue().is_empty());
    });
}

#[test]
fn what_two_openings_put_into_a_collection_is_all_there() {
    each_with(Ability::TwoOpenings, |location| {
        let store = location.builder::<Shop>().open().unwrap();
        let other = location.beside::<TwinShop>().open().unwrap();
        for number in 0..20_u64 {
            let write = store.update(move |shop| {
                shop.prices.insert(format!("mine {number}"), number);
                shop.orders.push_back(format!("mine {number}"));
            });
            write.wait().unwrap();
            let write = other.update(move |shop| {
                shop.prices.insert(format!("theirs {number}"), number);
                shop.orders.push_back(format!("theirs {number}"));
            });
            write.wait().unwrap();
        }
        // In a write, which sees all that is committed.
        let mine = store.update(|shop| (shop.prices.clone(), shop.orders.clone()));
        let theirs = other.update(|shop| (shop.prices.clone(), shop.orders.clone()));
        let (prices, orders) = mine.wait().unwrap();
        assert_eq!((prices.len(), orders.len()), (40, 40));
        assert!(
            orders
                .iter()
                .step_by(2)
                .all(|order| order.starts_with("mine"))
        );
        assert_eq!(theirs.wait().unwrap(), (prices, orders));
        let job = store.work(|shop| &shop.jobs).push("sweep".into());
        let id = job.wait().unwrap();
        let work = other.work(|shop| &shop.jobs);
        let taken = work.take(LONG).wait().unwrap().expect("there is a job");
        assert_eq!(taken.id(), id);
        let again = store.work(|shop| &shop.jobs).take(LONG).wait().unwrap();
        assert!(again.is_none(), "it is taken twice");
    });
}
