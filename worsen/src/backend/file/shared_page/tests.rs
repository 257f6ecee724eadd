//! The page, in memory and mapped, among threads.

use std::{thread, time::Instant};

use super::{event_count::*, layout::*, words::Word32, *};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn an_older_revision_is_not_published_but_can_be_reset() {
    let shared_page = SharedPage::in_memory();
    assert_eq!(shared_page.revision(), 0);
    shared_page.publish_revision(7);
    shared_page.publish_revision(5);
    assert_eq!(shared_page.revision(), 7);
    shared_page.reset(3, 9).unwrap();
    assert_eq!(shared_page.revision(), 3);
}

#[test]
fn a_history_that_went_back_is_told_from_the_one_before() {
    let shared_page = SharedPage::in_memory();
    shared_page.publish(6, Some(60));
    shared_page.publish(5, Some(50));
    let before = shared_page.sight();
    assert!(before.is_of(Mark::new(6, 60)));
    assert!(!before.is_of(Mark::new(6, 61)));
    // The page tells nothing to a reader that is not there yet, or knows of no marks.
    assert!(before.is_of(Mark::new(5, 61)));
    shared_page.publish_revision(7);
    assert!(shared_page.sight().is_of(Mark::new(7, 70)));
    // An older copy, from which somebody goes on.
    shared_page.reset(5, 50).unwrap();
    shared_page.publish(6, Some(61));
    assert_ne!(shared_page.sight(), before);
    assert!(!shared_page.sight().is_of(Mark::new(6, 60)));
    // A new generation begins with the same state.
    shared_page.change_mark(5, 52);
    assert!(shared_page.sight().is_of(Mark::new(6, 61)));
    shared_page.change_mark(6, 62);
    assert!(shared_page.sight().is_of(Mark::new(6, 62)));
    // As far as 32 bits count.
    let far = u64::from(u32::MAX) + 3;
    shared_page.reset(far - 5, 1).unwrap();
    shared_page.publish(far, Some(2));
    assert!(!shared_page.sight().is_of(Mark::new(far, 1)));
}

/// Waits until the page shows this revision, or a newer one.
fn until(shared_page: &SharedPage, revision: u64) {
    loop {
        let seen = shared_page.sight();
        if seen.revision >= revision {
            return;
        }
        shared_page.wait(seen, || false, LONG);
    }
}

#[test]
fn the_holder_is_named_until_it_says_otherwise() {
    let shared_page = SharedPage::in_memory();
    assert_eq!(shared_page.holder(), None);
    shared_page.set_holder(42, 1_700_000_000_000).unwrap();
    assert_eq!(
        shared_page.holder(),
        Some(Holder {
            pid: 42,
            since_ms: 1_700_000_000_000
        })
    );
    shared_page.clear_holder();
    assert_eq!(shared_page.holder(), None);
}

#[test]
fn a_durable_offset_rises_within_its_generation_alone() {
    let shared_page = SharedPage::in_memory();
    shared_page.doubt(3);
    shared_page.doubt(2);
    shared_page.set_durable_offset(3, 100);
    assert_eq!(shared_page.written_offset(3), 100);
    shared_page.set_written_offset(3, 400);
    assert_eq!(shared_page.written_offset(3), 400);
    assert_eq!(shared_page.written_offset(2), 0);
    assert_eq!(shared_page.durable_offset(3), 100);
    assert_eq!(shared_page.doubted(), 3);
    shared_page.trust();
    assert_eq!(shared_page.doubted(), 0);
    shared_page.raise_durable_offset(3, 300);
    shared_page.raise_durable_offset(3, 200);
    assert_eq!(shared_page.durable_offset(3), 300);
    // A sync of the old log that ends late.
    shared_page.set_durable_offset(4, 50);
    shared_page.raise_durable_offset(3, 9000);
    assert_eq!(shared_page.durable_offset(4), 50);
    assert_eq!(shared_page.durable_offset(3), 0);
    // Too great to be told.
    shared_page.raise_durable_offset(4, 1 << OFFSET_BITS);
    assert_eq!(shared_page.durable_offset(4), 50);
    shared_page.set_durable_offset(u64::MAX, 1 << OFFSET_BITS);
    assert_eq!(shared_page.durable_offset(u64::MAX), 0);
    shared_page.raise_durable_offset(u64::MAX, OFFSET_MASK);
    assert_eq!(shared_page.durable_offset(u64::MAX), OFFSET_MASK);
}

#[test]
fn a_wait_ends_at_its_time_out() {
    let shared_page = SharedPage::in_memory();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(20) {
        shared_page.wait(shared_page.sight(), || false, Duration::from_millis(20));
    }
    // And at once, where there is something else, even something older.
    let seen = shared_page.sight();
    shared_page.publish_revision(2);
    shared_page.wait(seen, || false, LONG);
    let seen = shared_page.sight();
    shared_page.reset(1, 0).unwrap();
    shared_page.wait(seen, || false, LONG);
    // A change after the key was taken ends a wait that has not begun.
    let key = shared_page.key();
    shared_page.wake_all();
    shared_page.wait_from(key, LONG);
    assert!(start.elapsed() < LONG);
}

#[test]
fn a_publication_wakes_everybody() {
    let shared_page = SharedPage::in_memory();
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| until(&shared_page, 1));
        }
        thread::sleep(Duration::from_millis(30));
        shared_page.publish_revision(1);
    });
    assert!(start.elapsed() < LONG);
}

#[test]
fn who_waits_for_a_sync_is_woken_by_its_end_alone() {
    let shared_page = SharedPage::in_memory();
    let start = Instant::now();
    let key = shared_page.sync_key();
    shared_page.publish_revision(1);
    assert_eq!(shared_page.sync_key(), key);
    thread::scope(|scope| {
        scope.spawn(|| {
            while shared_page.durable_offset(1) < 10 {
                let key = shared_page.sync_key();
                if shared_page.durable_offset(1) < 10 {
                    shared_page.wait_for_sync(key, LONG);
                }
            }
        });
        thread::sleep(Duration::from_millis(30));
        shared_page.set_durable_offset(1, 10);
        shared_page.sync_ended();
    });
    assert!(start.elapsed() < LONG);
}

/// Each of two threads publishes, then waits for the other: one lost wake and both stand still.
#[test]
fn no_wake_is_lost() {
    let rounds: u64 = if cfg!(miri) { 20 } else { 20_000 };
    let shared_page = SharedPage::in_memory();
    let start = Instant::now();
    thread::scope(|scope| {
        for first in [true, false] {
            let shared_page = &shared_page;
            scope.spawn(move || {
                for round in 0..rounds {
                    let (mine, theirs) = if first {
                        (2 * round + 1, 2 * round + 2)
                    } else {
                        (2 * round + 2, 2 * round + 1)
                    };
                    if first {
                        shared_page.publish_revision(mine);
                    }
                    until(shared_page, theirs);
                    if !first {
                        shared_page.publish_revision(mine);
                    }
                }
            });
        }
    });
    assert_eq!(shared_page.revision(), 2 * rounds);
    assert!(start.elapsed() < LONG, "a wake was lost");
}

/// Many publish and many wait, so that the bit is set, kept and taken back in all orders.
#[test]
fn no_wake_is_lost_in_a_crowd() {
    let rounds: u64 = if cfg!(miri) { 10 } else { 5_000 };
    let shared_page = SharedPage::in_memory();
    let start = Instant::now();
    thread::scope(|scope| {
        for publisher in 0..2 {
            let shared_page = &shared_page;
            scope.spawn(move || {
                for round in 0..rounds {
                    shared_page.publish_revision(2 * round + publisher + 1);
                    if round % 8 == 0 {
                        thread::yield_now();
                    }
                }
            });
        }
        for _ in 0..3 {
            scope.spawn(|| {
                let mut seen = 0;
                while seen < 2 * rounds {
                    until(&shared_page, seen + 1);
                    seen = shared_page.revision();
                }
            });
        }
    });
    assert!(start.elapsed() < LONG, "a wake was lost");
}

#[test]
fn a_killed_sleeper_costs_one_wake_and_no_more() {
    let changes = EventCount(Word32::new(SLEEPERS));
    changes.notify();
    assert_eq!(changes.0.load(Relaxed), CHANGE);
}

#[cfg(all(target_os = "linux", not(any(miri, loom))))]
mod mapped {
    use std::{fs::File, io::Write, os::unix::fs::FileExt};

    use super::*;

    fn file() -> File {
        tempfile::tempfile().unwrap()
    }

    #[test]
    fn two_mappings_of_a_file_are_one_page() {
        let file = file();
        let one = SharedPage::map(&file, None).unwrap().unwrap();
        let other = SharedPage::map(&file, None).unwrap().unwrap();
        assert_eq!(file.metadata().unwrap().len(), PAGE_BYTES);
        one.publish_revision(9);
        one.set_holder(4, 5).unwrap();
        assert_eq!(other.revision(), 9);
        assert_eq!(
            other.holder(),
            Some(Holder {
                pid: 4,
                since_ms: 5
            })
        );
        let mut bytes = [0; 208];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes[..8], b"worsenB\x01");
        assert_eq!(bytes[64..72], 9u64.to_le_bytes());
        assert_eq!(bytes[192..200], 5u64.to_le_bytes());
        assert_eq!(bytes[200..204], 4u32.to_le_bytes());
    }

    #[test]
    fn a_wake_goes_from_one_mapping_to_another() {
        let file = file();
        let one = SharedPage::map(&file, None).unwrap().unwrap();
        let other = SharedPage::map(&file, None).unwrap().unwrap();
        let start = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| until(&other, 1));
            thread::sleep(Duration::from_millis(30));
            one.publish_revision(1);
        });
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn the_page_takes_a_block_of_the_disk() {
        use std::os::unix::fs::MetadataExt;
        let file = file();
        file.set_len(PAGE_BYTES).unwrap();
        drop(SharedPage::map(&file, None).unwrap().unwrap());
        assert!(file.metadata().unwrap().blocks() * 512 >= PAGE_BYTES);
    }

    #[test]
    fn what_is_no_shared_page_is_left_alone() {
        for content in [&b"12345\n"[..], b"worsenB\x02", b"worsenB\x02 and more"] {
            let mut file = file();
            file.write_all(content).unwrap();
            assert!(SharedPage::map(&file, None).unwrap().is_none());
            let mut bytes = vec![0; content.len()];
            file.read_exact_at(&mut bytes, 0).unwrap();
            assert_eq!(bytes, content);
            assert_eq!(file.metadata().unwrap().len(), content.len() as u64);
        }
    }

    #[test]
    fn a_longer_file_keeps_its_length() {
        let file = file();
        file.set_len(3 * PAGE_BYTES).unwrap();
        drop(SharedPage::map(&file, None).unwrap().unwrap());
        assert_eq!(file.metadata().unwrap().len(), 3 * PAGE_BYTES);
    }
}
