//! Random sequences of operations by two processes, against a plain map. Both see what either did, and so does
//! a process that opens the store later.

use proptest::{prelude::*, test_runner::TestCaseError};
use worsen::testing::SimulatedDisk;

use crate::{
    machine::{BUFFERED, How, Op, Opened, PLAIN, Texts, open_as},
    support::sequences,
};

#[derive(Debug, Clone, Copy)]
enum Step {
    Do(Op),
    /// Closes the store and opens it again.
    Reopen,
    /// Ends the process as it is; another one opens the store.
    Kill,
    /// A write whose closure panics: nothing happens.
    Panic(&'static str),
}

fn uid() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "with a blank", "日本", "a/b"])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => uid().prop_map(|uid| Step::Do(Op::Set(uid))),
        2 => uid().prop_map(|uid| Step::Do(Op::SetLong(uid))),
        3 => uid().prop_map(|uid| Step::Do(Op::Remove(uid))),
        4 => uid().prop_map(|uid| Step::Do(Op::Update(uid))),
        2 => Just(Step::Do(Op::Group)),
        2 => Just(Step::Do(Op::Compact)),
        1 => Just(Step::Do(Op::Sync)),
        2 => Just(Step::Reopen),
        1 => Just(Step::Kill),
        1 => uid().prop_map(Step::Panic),
    ]
}

/// Which process does what.
fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    prop::collection::vec((0..2_usize, step()), 1..24)
}

struct Process {
    disk: SimulatedDisk,
    opened: Option<Opened>,
    how: How,
}

impl Process {
    fn open(&mut self) -> Result<(), TestCaseError> {
        self.opened = None;
        let opened = open_as(&self.disk, self.how).map_err(|error| fail("opening", &error))?;
        prop_assert!(opened.store.recovered().is_empty());
        self.opened = Some(opened);
        Ok(())
    }

    fn opened(&self) -> &Opened {
        self.opened.as_ref().expect("it is open between steps")
    }
}

fn fail(what: &str, error: &worsen::Error) -> TestCaseError {
    TestCaseError::fail(format!("{what}: {error}"))
}

fn run(steps: &[(usize, Step)], shared_pages: bool) -> Result<(), TestCaseError> {
    let disk = SimulatedDisk::new();
    if !shared_pages {
        disk.without_shared_pages();
    }
    let mut processes =
        [(disk.clone(), PLAIN), (disk.new_process(), BUFFERED)].map(|(disk, how)| Process {
            disk,
            opened: None,
            how,
        });
    for process in &mut processes {
        process.open()?;
    }
    let mut history = vec![Texts::new()];
    for (number, (who, step)) in steps.iter().enumerate() {
        let process = &mut processes[*who];
        match step {
            Step::Do(op) => {
                op.commits(number, &mut history);
                let outcome = process.opened().run(*op, number);
                outcome.map_err(|error| fail("a healthy disk", &error))?;
            }
            Step::Reopen => process.open()?,
            Step::Kill => {
                let next = process.disk.kill_process();
                process.opened = None;
                process.disk = next;
                process.open()?;
            }
            Step::Panic(uid) => {
                let store = process.opened().store.clone();
                let update = store.update(*uid, |text| {
                    *text = Some("never seen".into());
                    std::panic::resume_unwind(Box::new("a closure that panics"));
                });
                let outcome =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| update.wait()));
                prop_assert!(outcome.is_err(), "the panic did not reach its caller");
            }
        }
        for (reader, process) in processes.iter().enumerate() {
            // Without shared memory another process's commits are seen at the next poll or write.
            if shared_pages || reader == *who {
                let (revision, state) = process.opened().state();
                prop_assert_eq!(Some(&state), history.last(), "process {}", reader);
                prop_assert_eq!(revision as usize, history.len() - 1, "process {}", reader);
            }
        }
    }
    processes
        .iter_mut()
        .for_each(|process| process.opened = None);
    let opened = open_as(&disk.new_process(), PLAIN).map_err(|error| fail("opening", &error))?;
    let (revision, state) = opened.state();
    prop_assert_eq!(Some(&state), history.last());
    prop_assert_eq!(revision as usize, history.len() - 1);
    prop_assert!(opened.store.recovered().is_empty());
    Ok(())
}

#[test]
fn two_processes_agree_with_a_plain_map() {
    let steps = (steps(), prop::bool::weighted(0.8));
    sequences("model", 10_000, &steps, |(steps, shared_pages)| {
        run(&steps, shared_pages)
    });
}
