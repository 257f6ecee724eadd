//! The last commit of a process, taken back: where nobody has built on it.

use worsen::{ErrorKind, Store, testing::SimulatedDisk};

use super::{KEPT, three_generations};
use crate::machine::{DIR, PLAIN, open_as};

#[derive(Store, Debug)]
#[store(name = "form", poll = "never")]
struct Form {
    title: String,
    port: u16,
    #[store(seed = 3)]
    tries: u8,
}

fn open(disk: &SimulatedDisk) -> FormStore {
    let builder = Form::builder().dir(DIR).on(&disk.new_process());
    builder.open().unwrap()
}

#[test]
fn an_undo_takes_back_all_that_one_commit_changed_and_nothing_else() {
    let disk = SimulatedDisk::new();
    let (form, other) = (open(&disk), open(&disk));
    form.update(|form| {
        form.title = "one".into();
        form.port = 1;
    })
    .wait()
    .unwrap();
    other.set_tries(9).wait().unwrap();
    let revision = form.revision();
    form.undo().wait().unwrap();
    for form in [&form, &other] {
        let form = form.snapshot();
        assert_eq!((&form.title[..], form.port, form.tries), ("", 0, 9));
        assert_eq!(form.revision(), revision + 1);
    }
    // That is this process's last commit by now.
    form.undo().wait().unwrap();
    assert_eq!((form.title(), form.port()), ("one".to_owned(), 1));
    other.undo().wait().unwrap();
    assert_eq!(form.tries(), 3);
}

#[test]
fn what_others_have_built_on_is_not_undone() {
    let disk = SimulatedDisk::new();
    let (form, other) = (open(&disk), open(&disk));
    form.update(|form| {
        form.title = "one".into();
        form.port = 1;
    })
    .wait()
    .unwrap();
    other.set_port(2).wait().unwrap();
    let refused = |form: &FormStore| {
        let before = form.revision();
        let error = form.undo().wait().unwrap_err();
        assert_eq!(
            (error.kind(), error.uid()),
            (ErrorKind::Conflict, Some("port"))
        );
        assert!(error.to_string().contains("nothing was written"), "{error}");
        assert_eq!(form.revision(), before);
    };
    refused(&form);
    // Also where it is again what it was: somebody has seen it, and made something else of it.
    other.set_port(1).wait().unwrap();
    refused(&form);
    other.undo().wait().unwrap();
    assert_eq!(form.port(), 2);
    form.set_port(3).wait().unwrap();
    form.undo().wait().unwrap();
    assert_eq!((form.title(), form.port()), ("one".to_owned(), 2));
}

#[test]
fn seeds_and_the_commits_of_an_earlier_process_are_not_undone() {
    let disk = SimulatedDisk::new();
    let form = open(&disk);
    assert_eq!(
        form.undo().wait().unwrap_err().kind(),
        ErrorKind::NotInHistory
    );
    form.set_port(1).wait().unwrap();
    // What changes nothing is no commit.
    form.set_port(1).wait().unwrap();
    let other = open(&disk);
    assert_eq!(
        other.undo().wait().unwrap_err().kind(),
        ErrorKind::NotInHistory
    );
    form.undo().wait().unwrap();
    assert_eq!(other.port(), 0);
}

/// The compaction comes right before the undo, so that no log has the commit any more.
#[test]
fn a_commit_is_undone_though_the_log_was_compacted_since() {
    for how in [PLAIN, KEPT] {
        let disk = SimulatedDisk::new();
        let opened = three_generations(&disk, how);
        let (_, before) = opened.state();
        opened.set("a", "more").unwrap();
        opened.store.compact_now().wait().unwrap();
        opened
            .compact_above
            .store(0, std::sync::atomic::Ordering::Relaxed);
        opened.store.undo().wait().unwrap();
        assert_eq!(opened.state().1, before);
        let other = open_as(&disk.new_process(), how).unwrap();
        assert_eq!(other.state(), opened.state());
    }
}

/// Writes that are queued while another one is at work become one group with the undo.
#[test]
fn an_undo_in_a_group_takes_back_what_stands_before_it() {
    let disk = SimulatedDisk::new();
    let form = open(&disk);
    let (enter, entered) = std::sync::mpsc::channel();
    let (open_gate, gate) = std::sync::mpsc::channel::<()>();
    let writer = form.clone();
    let first = std::thread::spawn(move || {
        writer
            .update(move |form| {
                form.tries = 1;
                enter.send(()).unwrap();
                gate.recv().unwrap();
            })
            .wait()
            .unwrap();
    });
    entered.recv().unwrap();
    form.set_port(1).detach();
    form.set_port(2).detach();
    form.undo().detach();
    form.set_title("on".into()).detach();
    open_gate.send(()).unwrap();
    first.join().unwrap();
    form.sync().wait().unwrap();
    let state = form.snapshot();
    assert_eq!((state.port, &state.title[..], state.tries), (1, "on", 1));
    form.undo().wait().unwrap();
    assert_eq!(form.title(), "");
}
