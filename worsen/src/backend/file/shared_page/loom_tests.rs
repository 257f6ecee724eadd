//! The page's protocol of sleeping and waking, in every order of its threads: what [`Page::changed`]
//! claims, claim by claim. A wait here has no time-out, so a wake that is lost is a deadlock.
//!
//! Not here: a sync of an old log beside the compaction that ends it, which is a plain store beside a
//! compare-and-swap. Loom lets that store go between the two halves of the swap, as no machine does.

use super::{
    event_count::*,
    futex::{self, Woken},
    *,
};
use crate::loom::{in_every_order, thread};

const FOR_EVER: Duration = Duration::MAX;

/// As everybody waits: look, sleep, look again.
fn sleep_until(shared_page: &SharedPage, revision: u64) {
    loop {
        let seen = shared_page.sight();
        if seen.revision >= revision {
            break;
        }
        shared_page.wait(seen, || false, FOR_EVER);
    }
}

fn spawn(
    shared_page: &Arc<SharedPage>,
    run: impl FnOnce(&SharedPage) + 'static,
) -> thread::JoinHandle<()> {
    let shared_page = shared_page.clone();
    thread::spawn(move || run(&shared_page))
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}

/// What a process leaves that is killed after it has set the bit: asleep or about to sleep, the kernel
/// no longer knows it.
fn die_asleep(shared_page: &SharedPage) {
    shared_page
        .page()
        .news
        .changes
        .0
        .0
        .fetch_or(SLEEPERS, Relaxed);
}

#[test]
fn a_sleeper_is_woken_by_a_publication() {
    in_every_order(None, || {
        let shared_page = SharedPage::in_memory();
        let sleeper = spawn(&shared_page, |shared_page| sleep_until(shared_page, 1));
        shared_page.publish_revision(1);
        join([sleeper]);
    });
}

#[test]
fn a_sleeper_is_woken_by_each_of_two_publications() {
    in_every_order(Some(3), || {
        let shared_page = SharedPage::in_memory();
        let sleeper = spawn(&shared_page, |shared_page| {
            sleep_until(shared_page, 1);
            sleep_until(shared_page, 2);
        });
        shared_page.publish_revision(1);
        shared_page.publish_revision(2);
        join([sleeper]);
    });
}

/// Somebody has opened an older copy.
#[test]
fn a_sleeper_is_woken_by_a_revision_that_went_back() {
    in_every_order(None, || {
        let shared_page = SharedPage::in_memory();
        shared_page.publish(2, Some(20));
        let seen = shared_page.sight();
        let sleeper = spawn(&shared_page, move |shared_page| {
            while shared_page.sight() == seen {
                shared_page.wait(seen, || false, FOR_EVER);
            }
        });
        shared_page.reset(1, 11).unwrap();
        join([sleeper]);
        assert_eq!(shared_page.sight().revision, 1);
    });
}

/// A process that publishes late says nothing of an older line, and a reader that sees a revision
/// sees its line.
#[test]
fn the_line_of_a_revision_is_there_before_it_and_that_of_the_newest_stays() {
    in_every_order(None, || {
        let shared_page = SharedPage::in_memory();
        let older = spawn(&shared_page, |shared_page| shared_page.publish(1, Some(10)));
        let newer = spawn(&shared_page, |shared_page| shared_page.publish(2, Some(20)));
        let seen = shared_page.sight();
        let line = Mark::new(seen.revision, seen.revision as u32 * 10);
        assert!(seen.is_of(line));
        assert!(seen.revision < 2 || seen.mark == line);
        join([older, newer]);
        assert_eq!(shared_page.sight().mark, Mark::new(2, 20));
    });
}

#[test]
fn two_sleepers_are_woken_by_a_publication() {
    in_every_order(Some(3), || {
        let shared_page = SharedPage::in_memory();
        let sleepers =
            [1, 2].map(|_| spawn(&shared_page, |shared_page| sleep_until(shared_page, 1)));
        shared_page.publish_revision(1);
        join(sleepers);
    });
}

#[test]
fn a_sleeper_waits_for_the_newer_of_two_publishers() {
    in_every_order(Some(3), || {
        let shared_page = SharedPage::in_memory();
        let older = spawn(&shared_page, |shared_page| shared_page.publish_revision(1));
        let newer = spawn(&shared_page, |shared_page| shared_page.publish_revision(2));
        sleep_until(&shared_page, 2);
        join([older, newer]);
    });
}

/// Each publishes and then waits for the other, so that the bit is set, kept and taken back.
#[test]
fn two_processes_wait_for_each_other_in_turn() {
    in_every_order(Some(3), || {
        let shared_page = SharedPage::in_memory();
        let other = spawn(&shared_page, |shared_page| {
            sleep_until(shared_page, 1);
            shared_page.publish_revision(2);
            sleep_until(shared_page, 3);
        });
        shared_page.publish_revision(1);
        sleep_until(&shared_page, 2);
        shared_page.publish_revision(3);
        join([other]);
    });
}

/// The bit of a killed one makes a publisher wake nobody and take it back, while another goes to
/// sleep on the word with that very bit.
#[test]
fn the_bit_of_a_killed_sleeper_costs_nobody_a_wake() {
    in_every_order(Some(3), || {
        let shared_page = SharedPage::in_memory();
        die_asleep(&shared_page);
        let sleeper = spawn(&shared_page, |shared_page| sleep_until(shared_page, 2));
        shared_page.publish_revision(1);
        shared_page.publish_revision(2);
        join([sleeper]);
    });
}

#[test]
fn a_sleeper_killed_at_any_moment_costs_nobody_a_wake() {
    in_every_order(Some(2), || {
        let shared_page = SharedPage::in_memory();
        let killed = spawn(&shared_page, die_asleep);
        let sleeper = spawn(&shared_page, |shared_page| {
            sleep_until(shared_page, 1);
            sleep_until(shared_page, 2);
        });
        shared_page.publish_revision(1);
        shared_page.publish_revision(2);
        join([killed, sleeper]);
    });
}

/// It published 1, and counted it, but was killed before it woke anybody.
#[test]
fn a_publisher_killed_before_its_wake_leaves_it_to_the_next() {
    in_every_order(Some(3), || {
        let shared_page = SharedPage::in_memory();
        let killed = spawn(&shared_page, |shared_page| {
            let news = &shared_page.page().news;
            news.revision.fetch_max(1, Release);
            news.changes.0.fetch_add(CHANGE, AcqRel);
        });
        let sleeper = spawn(&shared_page, |shared_page| sleep_until(shared_page, 1));
        join([killed]);
        // An older revision is counted too, for this very case.
        shared_page.publish_revision(0);
        join([sleeper]);
    });
}

/// It published 2 and was killed before it counted that. The process that publishes the older 1
/// does it instead.
#[test]
fn a_publisher_killed_before_it_counts_leaves_it_to_the_next() {
    in_every_order(Some(3), || {
        let shared_page = SharedPage::in_memory();
        let sleeper = spawn(&shared_page, |shared_page| sleep_until(shared_page, 2));
        shared_page.page().news.revision.fetch_max(2, Release);
        shared_page.publish_revision(1);
        join([sleeper]);
    });
}

/// The one wake that may be lost, as [`Page::changed`] says. It also shows that these tests can fail.
#[test]
#[should_panic(expected = "deadlock")]
fn a_publisher_killed_before_its_second_wake_costs_a_time_out() {
    in_every_order(Some(3), || {
        let shared_page = SharedPage::in_memory();
        die_asleep(&shared_page);
        let sleeper = spawn(&shared_page, |shared_page| {
            let key = shared_page.key();
            shared_page.wait_from(key, FOR_EVER);
        });
        let changes = &shared_page.page().news.changes.0;
        let now = changes.fetch_add(CHANGE, AcqRel) + CHANGE;
        if futex::wake_all(&changes.0) == Woken::Nobody {
            let _ = changes.compare_exchange(now, now & !SLEEPERS, AcqRel, Relaxed);
        }
        shared_page.wake_all();
        join([sleeper]);
    });
}

/// Waiting for the lock: its holder clears its name and then wakes, and nothing is published.
#[test]
fn who_waits_for_anything_in_the_page_is_woken() {
    in_every_order(None, || {
        let shared_page = SharedPage::in_memory();
        shared_page.set_holder(7, 0).unwrap();
        let waiter = spawn(&shared_page, |shared_page| {
            loop {
                let key = shared_page.key();
                if shared_page.holder().is_none() {
                    break;
                }
                shared_page.wait_from(key, FOR_EVER);
            }
        });
        shared_page.clear_holder();
        shared_page.wake_all();
        join([waiter]);
    });
}

/// Every offset that was raised to is durable, whichever sync ends last.
#[test]
fn syncs_that_end_together_leave_the_greater_offset() {
    in_every_order(None, || {
        let shared_page = SharedPage::in_memory();
        shared_page.set_durable_offset(1, 0);
        let syncs = [10, 20].map(|offset| {
            spawn(&shared_page, move |shared_page| {
                shared_page.raise_durable_offset(1, offset)
            })
        });
        join(syncs);
        assert_eq!(shared_page.durable_offset(1), 20);
    });
}

/// A reader that sees a revision sees what was set before it was published.
#[test]
fn a_revision_that_is_seen_brings_its_offset_along() {
    in_every_order(None, || {
        let shared_page = SharedPage::in_memory();
        let reader = spawn(&shared_page, |shared_page| {
            if shared_page.revision() == 1 {
                assert_eq!(shared_page.durable_offset(1), 40);
            }
        });
        shared_page.set_durable_offset(1, 40);
        shared_page.publish_revision(1);
        join([reader]);
    });
}
