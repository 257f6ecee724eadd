//! What a value must be to be written: `validate`, `range`, `len`, `one_of`, what `normalize` makes of it first, and
//! what becomes of values that another program has stored.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use worsen::{Condition, Effect, Error, ErrorKind, Map, Store, WorkQueue};

use crate::support::{edits, folder};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Theme {
    Light,
    Dark,
    Hidden,
}

fn is_even(number: &u32) -> Result<(), String> {
    match number % 2 {
        0 => Ok(()),
        _ => Err(format!("{number} is odd")),
    }
}

/// A rule for a text takes a `&str`, too.
fn is_lower_case(text: &str) -> Result<(), &'static str> {
    match text.chars().any(char::is_uppercase) {
        false => Ok(()),
        true => Err("write small letters"),
    }
}

fn trim(text: &mut String) {
    *text = text.trim().to_owned();
}

fn clamp(volume: &mut f64) {
    *volume = if volume.is_nan() {
        0.0
    } else {
        volume.clamp(0.0, 1.0)
    };
}

#[derive(Store)]
#[store(name = "settings")]
struct Settings {
    #[store(seed = 80, range = 1..=65535)]
    port: u16,
    #[store(len = ..=8, normalize = trim, validate = is_lower_case)]
    name: String,
    #[store(seed = Theme::Light, one_of = [Theme::Light, Theme::Dark])]
    theme: Theme,
    #[store(seed = "en".into(), one_of = ["en", "de"])]
    language: String,
    #[store(range = 1.., validate = none_or_even)]
    limit: Option<u32>,
    #[store(normalize = clamp, range = 0.0..=1.0)]
    volume: f64,
    #[store(validate = is_even)]
    even: u32,
    #[store(len = ..=3)]
    tags: Vec<String>,
    #[store(len = ..=2, validate = all_are_named)]
    users: Map<u32, String>,
    #[store(len = ..=1)]
    jobs: WorkQueue<u32>,
    note: String,
}

fn none_or_even(limit: &Option<u32>) -> Result<(), String> {
    limit.as_ref().map_or(Ok(()), is_even)
}

fn all_are_named(users: &Map<u32, String>) -> Result<(), String> {
    match users.iter().find(|(_, name)| name.is_empty()) {
        Some((id, _)) => Err(format!("user {id} has no name")),
        None => Ok(()),
    }
}

/// The same fields as another program has them, without a rule.
#[derive(Store)]
#[store(name = "settings")]
struct Loose {
    port: u16,
    name: String,
    users: Map<u32, String>,
    jobs: WorkQueue<u32>,
    note: String,
}

fn open(dir: &Path) -> SettingsStore {
    Settings::builder().dir(dir).open().unwrap()
}

fn open_loose(dir: &Path) -> LooseStore {
    Loose::builder().dir(dir).open().unwrap()
}

/// Beside a closure that the machine was too busy for.
fn invalid(mut health: Vec<Condition>) -> Vec<Condition> {
    health.retain(|told| !matches!(told, Condition::SlowClosure { .. }));
    health
}

/// The words of a refusal, once everything else of it is as it should be.
fn refused(outcome: Result<(), Error>, uid: &str) -> String {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(error.effect(), Effect::NothingWritten);
    assert_eq!(error.uid(), Some(uid));
    assert_eq!(error.store(), Some("settings"));
    error.to_string()
}

#[test]
fn a_value_out_of_range_is_refused_by_every_way_to_write_and_nothing_is_written() {
    let folder = folder();
    let store = open(folder.path());
    let revision = store.revision();
    let words = refused(store.set_port(0).wait(), "port");
    let path = store.path().unwrap().display().to_string();
    assert_eq!(
        words,
        format!(
            "store `settings` ({path}): uid `port`: the value `0` breaks the rule `range = 1..=65535`; nothing was \
             written; write a value that keeps the rule"
        )
    );
    refused(store.update_port(|port| *port = 0).wait(), "port");
    let both = |state: &mut Settings| {
        state.note = "beside".into();
        state.port = 0;
    };
    refused(store.update(both).wait(), "port");
    let tried = store.try_update(move |state| {
        both(state);
        Ok::<_, ()>(())
    });
    refused(tried.wait().map(|_| ()), "port");
    assert_eq!((store.port(), store.note().as_str()), (80, ""));
    assert_eq!(store.revision(), revision);
    store.set_port(65535).wait().unwrap();
    assert_eq!(store.port(), 65535);
}

#[test]
fn a_length_counts_the_characters_of_a_text_and_the_elements_of_a_list() {
    let store = Settings::builder().in_memory().open().unwrap();
    store.set_name("äöüßéèêë".into()).wait().unwrap();
    let words = refused(store.set_name("a".repeat(9)).wait(), "name");
    assert!(
        words.contains("`len = ..=8`: it has 9 characters"),
        "{words}"
    );
    let tags = |count| vec!["tag".to_owned(); count];
    store.set_tags(tags(3)).wait().unwrap();
    let words = refused(store.set_tags(tags(4)).wait(), "tags");
    assert!(words.contains("it has 4 elements"), "{words}");
}

#[test]
fn a_value_that_is_not_in_the_list_is_refused() {
    let store = Settings::builder().in_memory().open().unwrap();
    store.set_theme(Theme::Dark).wait().unwrap();
    let words = refused(store.set_theme(Theme::Hidden).wait(), "theme");
    assert!(
        words.contains(
            "the value `\"Hidden\"` breaks the rule `one_of = [Theme::Light, Theme::Dark]`"
        ),
        "{words}"
    );
    store.set_language("de".into()).wait().unwrap();
    refused(store.set_language("fr".into()).wait(), "language");
}

#[test]
fn no_value_at_all_keeps_the_rules_and_some_value_is_asked() {
    let store = Settings::builder().in_memory().open().unwrap();
    store.set_limit(Some(2)).wait().unwrap();
    refused(store.set_limit(Some(0)).wait(), "limit");
    let words = refused(store.set_limit(Some(3)).wait(), "limit");
    assert!(
        words.contains("`validate = none_or_even`: 3 is odd"),
        "{words}"
    );
    store.set_limit(None).wait().unwrap();
}

#[test]
fn a_normalized_value_is_what_everybody_reads_and_what_the_other_rules_see() {
    let folder = folder();
    let store = open(folder.path());
    store.set_name("  eightyyy  ".into()).wait().unwrap();
    assert_eq!(store.name(), "eightyyy");
    let log = store.path().unwrap().to_owned();
    assert!(
        edits(&log, 2)
            .last()
            .unwrap()
            .0
            .to_string()
            .contains("\"eightyyy\"")
    );
    // JSON has no NaN: it is normalized before it is to be written.
    for (set, read) in [(7.0, 1.0), (0.5, 0.5), (f64::NAN, 0.0), (-1.0, 0.0)] {
        store
            .update(move |state| state.volume = set)
            .wait()
            .unwrap();
        assert_eq!(store.volume(), read);
    }
    // The same once it is normalized: nothing is committed.
    let revision = store.revision();
    store.set_name(" eightyyy ".into()).wait().unwrap();
    assert_eq!(
        (store.revision(), store.name().as_str()),
        (revision, "eightyyy")
    );
    let words = refused(store.set_name(" Ab ".into()).wait(), "name");
    assert!(
        words.contains("`\"Ab\"` breaks the rule `validate = is_lower_case`: write small letters"),
        "{words}"
    );
}

#[test]
fn what_another_program_stored_is_shown_and_told_and_refuses_no_other_write() {
    let folder = folder();
    let store = open(folder.path());
    assert!(invalid(store.health()).is_empty());
    open_loose(folder.path())
        .update(|state| {
            state.port = 0;
            state.name = " UP ".into();
        })
        .wait()
        .unwrap();
    assert_eq!((store.port(), store.name().as_str()), (0, " UP "));
    let told = invalid(store.health());
    let uids: Vec<_> = told
        .iter()
        .filter_map(|condition| condition.error()?.uid())
        .collect();
    assert_eq!(uids, ["port", "name"]);
    assert!(
        told.iter()
            .all(|told| matches!(told, Condition::Invalid { .. }))
    );
    assert!(
        told[0]
            .to_string()
            .contains("the stored value `0` breaks the rule `range = 1..=65535`"),
        "{}",
        told[0]
    );
    // Beside them, by each way to write, and they stay as they are.
    store.set_note("one".into()).wait().unwrap();
    store
        .update(|state| state.note = "two".into())
        .wait()
        .unwrap();
    store
        .update_port(|port| assert_eq!(*port, 0))
        .wait()
        .unwrap();
    assert_eq!((store.port(), store.name().as_str()), (0, " UP "));
    // Also after reopening.
    drop(store);
    let store = open(folder.path());
    assert_eq!(invalid(store.health()).len(), 2);
    store.set_port(8080).wait().unwrap();
    store.set_name(" ok ".into()).wait().unwrap();
    assert_eq!(store.name(), "ok");
    assert!(invalid(store.health()).is_empty());
}

#[test]
fn an_entry_that_another_program_stored_refuses_no_write_of_another_entry() {
    let folder = folder();
    let store = open(folder.path());
    let words = refused(
        store
            .update_users(|users| drop(users.insert(1, String::new())))
            .wait(),
        "users",
    );
    assert!(
        words.contains(
            "the field's value breaks the rule `validate = all_are_named`: user 1 has no name"
        ),
        "{words}"
    );
    let many: BTreeMap<u32, String> = (0..5).map(|id| (id, format!("user {id}"))).collect();
    let loose = open_loose(folder.path());
    loose
        .update_users(move |users| users.extend(many))
        .wait()
        .unwrap();
    assert_eq!(invalid(store.health()).len(), 1);
    // Four are still too many, and fewer than there were.
    store.update_users(|users| users.remove(&0)).wait().unwrap();
    store
        .update_users(|users| users.retain(|id, _| *id < 3))
        .wait()
        .unwrap();
    assert!(invalid(store.health()).is_empty());
    refused(
        store
            .update_users(|users| drop(users.insert(9, "nine".into())))
            .wait(),
        "users",
    );
    assert_eq!(store.users().len(), 2);
}

#[test]
fn jobs_are_taken_and_done_although_another_program_queued_too_many() {
    let folder = folder();
    let store = open(folder.path());
    let loose = open_loose(folder.path());
    loose
        .update_jobs(|jobs| {
            for job in 0..3 {
                jobs.push(job);
            }
        })
        .wait()
        .unwrap();
    let work = store.work(|state| &state.jobs);
    for _ in 0..3 {
        let job = work.take(Duration::from_secs(60)).wait().unwrap().unwrap();
        job.ack().wait().unwrap();
    }
    assert!(store.jobs().is_empty());
    store.update_jobs(|jobs| jobs.push(1)).wait().unwrap();
    let pushed = store.update_jobs(|jobs| jobs.push(2)).wait();
    refused(pushed.map(|_| ()), "jobs");
}

#[test]
fn a_seed_that_breaks_a_rule_is_told_at_opening_and_no_file_is_made() {
    let folder = folder();
    let dir = folder.path().join("db");
    let opened = Settings::builder()
        .dir(&dir)
        .update_seed(|seed| seed.even = 3)
        .open();
    let words = refused(opened.map(|_| ()), "even");
    assert!(
        words.contains("the seed `3` breaks the rule `validate = is_even`: 3 is odd"),
        "{words}"
    );
    assert!(
        words.contains("give it a seed that keeps the rule"),
        "{words}"
    );
    let log = dir.join("settings.db");
    assert!(!log.exists());
    let late = Settings::builder()
        .dir(&dir)
        .seed_with(|| Settings { even: 5, ..seeds() })
        .open();
    refused(late.map(|_| ()), "even");
    // A seed is normalized, too.
    let store = Settings::builder()
        .dir(&dir)
        .update_seed(|seed| seed.name = " ab ".into())
        .open()
        .unwrap();
    assert_eq!(store.name(), "ab");
}

fn seeds() -> Settings {
    Settings {
        port: 80,
        name: String::new(),
        theme: Theme::Light,
        language: "en".into(),
        limit: None,
        volume: 0.0,
        even: 0,
        tags: Vec::new(),
        users: Map::new(),
        jobs: WorkQueue::new(),
        note: String::new(),
    }
}

#[test]
fn a_write_that_is_refused_leaves_the_others_of_its_group_alone() {
    let store = Settings::builder().in_memory().open().unwrap();
    let (good, bad) = (store.set_even(2), store.set_even(7));
    good.detach();
    bad.detach();
    store.set_note("beside".into()).detach();
    let told = store.sync().wait();
    refused(told, "even");
    assert_eq!((store.even(), store.note().as_str()), (2, "beside"));
}

#[derive(Store)]
#[store(name = "settings", validate = check)]
struct Limits {
    low: u32,
    #[store(seed = 10)]
    high: u32,
    note: String,
}

fn check(limits: &Limits) -> Result<(), String> {
    match limits.low <= limits.high {
        true => Ok(()),
        false => Err(format!("{} is above {}", limits.low, limits.high)),
    }
}

#[derive(Store)]
#[store(name = "settings")]
struct LooseLimits {
    low: u32,
    high: u32,
}

#[test]
fn a_rule_of_the_struct_is_asked_whatever_field_is_written() {
    let folder = folder();
    let store = Limits::builder().dir(folder.path()).open().unwrap();
    let error = store.set_low(11).wait().unwrap_err();
    assert_eq!((error.kind(), error.uid()), (ErrorKind::Invalid, None));
    let words = error.to_string();
    assert!(
        words.contains("the state that the write would leave breaks the rule `validate = check`: 11 is above 10; nothing was written"),
        "{words}"
    );
    store
        .update(|limits| (limits.low, limits.high) = (20, 30))
        .wait()
        .unwrap();
    // The seed of `high` is below.
    let error = store.reset_high().wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!((store.low(), store.high()), (20, 30));
    store.reset().wait().unwrap();
    // What another program stored is told, and refuses nothing; from the next good state on the rule holds again.
    let loose = LooseLimits::builder().dir(folder.path()).open().unwrap();
    loose.set_low(50).wait().unwrap();
    assert_eq!(invalid(store.health()).len(), 1);
    store.set_note("beside".into()).wait().unwrap();
    store.set_high(40).wait().unwrap();
    store.set_high(60).wait().unwrap();
    assert!(invalid(store.health()).is_empty());
    assert!(store.set_high(40).wait().is_err());
}

#[derive(Store)]
#[store(name = "settings", normalize = Sorted::sort, validate = Sorted::are_sorted)]
struct Sorted {
    low: u32,
    #[store(seed = 10, range = ..=100)]
    high: u32,
    seen: Map<u32, u32>,
}

impl Sorted {
    fn sort(&mut self) {
        (self.low, self.high) = (self.low.min(self.high), self.low.max(self.high).min(100));
        self.seen.insert(self.high, self.low);
    }

    fn are_sorted(&self) -> Result<(), &'static str> {
        match self.low <= self.high {
            true => Ok(()),
            false => Err("not sorted"),
        }
    }
}

#[test]
fn a_struct_that_is_normalized_may_change_other_fields_than_the_one_that_is_written() {
    let folder = folder();
    let open = || Sorted::builder().dir(folder.path()).open().unwrap();
    let store = open();
    assert_eq!(store.seen(), [(10, 0)].into());
    store.set_low(20).wait().unwrap();
    assert_eq!((store.low(), store.high()), (10, 20));
    // Above the range until it is normalized.
    store.set_high(200).wait().unwrap();
    assert_eq!(store.high(), 100);
    assert_eq!(store.seen(), [(10, 0), (20, 10), (100, 10)].into());
    // Nothing is changed, so nothing is normalized.
    let revision = store.revision();
    store.update(|_| ()).wait().unwrap();
    store.set_high(100).wait().unwrap();
    assert_eq!(store.revision(), revision);
    drop(store);
    assert_eq!(open().seen(), [(10, 0), (20, 10), (100, 10)].into());
}

#[test]
fn a_rule_that_panics_undoes_the_write_and_the_panic_is_the_callers() {
    fn panics(number: &u32) -> Result<(), String> {
        assert!(*number < 5, "the rule is broken itself");
        Ok(())
    }
    #[derive(Store)]
    struct Panicking {
        #[store(validate = panics)]
        number: u32,
    }
    let store = Panicking::builder().in_memory().open().unwrap();
    let number = store.clone();
    let thread = std::thread::spawn(move || number.set_number(7).wait());
    assert!(thread.join().is_err());
    store.set_number(3).wait().unwrap();
    assert_eq!(store.number(), 3);
}
