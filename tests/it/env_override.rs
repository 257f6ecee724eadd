//! Fields that read as a variable of the environment says: never written, seen by every read alike, and refused at
//! opening where the text is no value. The environment of this process stays as it is: a test hands the variables to
//! the builder, or to a process of its own.

use std::{collections::BTreeMap, fs, net::IpAddr, path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use worsen::{Error, ErrorKind, Map, Source, Store};
use worsen_tests::{Server, ServerStore};

use crate::support::{Worker, folder};

type Variables = &'static [(&'static str, &'static str)];

fn look_up(variables: Variables) -> impl Fn(&str) -> Option<String> {
    move |name| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, text)| (*text).to_owned())
    }
}

fn open_with(dir: &Path, variables: Variables) -> ServerStore {
    let builder = Server::builder().dir(dir).environment(look_up(variables));
    builder.open().unwrap()
}

/// As another process: it shares no state, and the environment says nothing to it.
fn open_beside(dir: &Path) -> ServerStore {
    let builder = Server::builder().dir(dir).environment(|_| None);
    builder.read_only().open().unwrap()
}

const OVERRIDDEN: Variables = &[
    ("WORSEN_TEST_PORT", "8080"),
    ("WORSEN_TEST_NAME", "from the environment"),
];

#[test]
fn an_override_is_read_and_never_written() {
    let folder = folder();
    let store = open_with(folder.path(), OVERRIDDEN);
    assert_eq!(
        (store.port(), store.title().as_str()),
        (8080, "from the environment")
    );
    let state = store.snapshot();
    assert_eq!(
        (state.port, state.title.as_str()),
        (8080, "from the environment")
    );
    // By each way to write, also of the whole state.
    store.set_note("one".into()).wait().unwrap();
    store
        .update(|server| server.note.push_str(" two"))
        .wait()
        .unwrap();
    store.update_title(|title| title.push('!')).wait().unwrap();
    let seen = store
        .update(|server| (server.port, server.title.clone()))
        .wait()
        .unwrap();
    assert_eq!(seen, (80, "!".to_owned()), "a closure sees what is stored");
    assert_eq!(store.title(), "from the environment");
    let log = fs::read_to_string(store.path().unwrap()).unwrap();
    assert!(
        !log.contains("8080") && !log.contains("environment"),
        "{log}"
    );
    // Nor when the seeds are written anew.
    store.reset().wait().unwrap();
    assert_eq!(store.port(), 8080);
    drop(store);
    let store = open_with(folder.path(), &[]);
    assert_eq!((store.port(), store.title().as_str()), (80, ""));
}

#[test]
fn what_is_set_beneath_an_override_is_stored_and_shows_once_that_is_gone() {
    let folder = folder();
    let store = open_with(folder.path(), OVERRIDDEN);
    let beside = open_beside(folder.path());
    store.set_port(9000).wait().unwrap();
    assert_eq!(store.port(), 8080);
    assert_eq!(store.update_port(|port| *port).wait().unwrap(), 9000);
    let mut watch = beside.watch_port();
    store.set_port(9001).wait().unwrap();
    // A store that is opened for reading only sees it at the poll, or when it looks.
    drop(watch.wait(Duration::ZERO));
    drop((store, beside));
    let store = open_with(folder.path(), &[]);
    assert_eq!(
        (store.port(), store.source_of("port")),
        (9001, Some(Source::Stored))
    );
}

#[test]
fn a_watch_tells_what_readers_see() {
    let store = Server::builder()
        .in_memory()
        .environment(look_up(OVERRIDDEN))
        .open()
        .unwrap();
    let (mut port, mut note, mut all) = (store.watch_port(), store.watch_note(), store.watch());
    store.set_port(9000).wait().unwrap();
    assert!(port.wait(Duration::ZERO).is_none(), "it reads as before");
    let state = all.wait(Duration::ZERO).unwrap().unwrap();
    assert_eq!((state.revision(), state.port), (store.revision(), 8080));
    // A reader keeps the state: the next one is another copy, with the same overrides.
    let kept = store.snapshot();
    for count in 0..4 {
        let text = format!("note {count}");
        store.set_note(text.clone()).wait().unwrap();
        assert_eq!(note.wait(Duration::ZERO).unwrap().unwrap(), text);
        let state = store.snapshot();
        assert_eq!(
            (state.note.as_str(), state.port, store.port()),
            (text.as_str(), 8080, 8080)
        );
    }
    assert_eq!((kept.note.as_str(), kept.port), ("", 8080));
    assert!(port.wait(Duration::ZERO).is_none());
}

#[test]
fn a_source_is_told_in_the_order_in_which_they_count() {
    let folder = folder();
    let store = open_with(folder.path(), OVERRIDDEN);
    assert_eq!(
        store.source_of("port"),
        Some(Source::Env("WORSEN_TEST_PORT"))
    );
    assert_eq!(
        store.source_of("title"),
        Some(Source::Env("WORSEN_TEST_NAME"))
    );
    assert_eq!(store.source_of("note"), Some(Source::Stored));
    store.reset().wait().unwrap();
    assert_eq!(
        store.source_of("port"),
        Some(Source::Env("WORSEN_TEST_PORT"))
    );
    assert_eq!(store.source_of("note"), Some(Source::Seed));
    assert_eq!(store.source_of("no such field"), None);
    // Without any value the store would begin with its seeds again.
    store.set_note("kept".into()).wait().unwrap();
    drop(store);
    let store = open_with(folder.path(), &[("WORSEN_TEST_NAME", "only this")]);
    assert_eq!(store.source_of("port"), Some(Source::Seed));
    store.set_port(80).wait().unwrap();
    assert_eq!(store.source_of("port"), Some(Source::Stored));
}

#[test]
fn another_process_reads_what_is_stored() {
    let folder = folder();
    let environment = [("WORSEN_TEST_PORT", "8080")];
    let mut with = Worker::start_with("serve", folder.path(), &[], &environment);
    assert_eq!(
        with.order("look"),
        "8080 8080  Some(Env(\"WORSEN_TEST_PORT\")) None"
    );
    let mut without = Worker::start("serve", folder.path(), &[]);
    assert_eq!(without.order("look"), "80 80  Some(Stored) None");
    assert_eq!(
        with.order("set-port 9000"),
        "8080 8080  Some(Env(\"WORSEN_TEST_PORT\")) None"
    );
    assert_eq!(without.order("look"), "9000 9000  Some(Stored) Some(9000)");
    assert_eq!(
        with.order("next-port"),
        "8080 8080  Some(Env(\"WORSEN_TEST_PORT\")) None"
    );
    assert_eq!(
        with.order("set-note a"),
        "8080 8080 a Some(Env(\"WORSEN_TEST_PORT\")) None"
    );
    assert_eq!(without.order("look"), "9001 9001 a Some(Stored) Some(9001)");
    assert_eq!(without.order("set-port 7"), "7 7 a Some(Stored) Some(7)");
    // What the other one wrote comes by a reader that follows the log, and is beneath the override, too.
    without.order("set-note b");
    assert_eq!(
        with.order("look"),
        "8080 8080 b Some(Env(\"WORSEN_TEST_PORT\")) None"
    );
    with.finish();
    without.finish();
}

#[test]
fn a_variable_that_is_no_value_of_its_field_is_told_at_opening() {
    let folder = folder();
    let worker = Worker::start_with("serve", folder.path(), &[], &[("WORSEN_TEST_PORT", "80a")]);
    let told = worker.finish().remove(0);
    let expected = "Environment: store `server`: uid `port`: the variable `WORSEN_TEST_PORT` of the environment \
                    overrides this field, and is no `u16`; nothing was written; set it to a text";
    assert!(told.starts_with(expected), "{told}");
    assert!(!told.contains("80a"), "it may be a password: {told}");
    assert!(!folder.path().join("server.db").exists());
    let fails = |variables: Variables| -> Error {
        let builder = Server::builder().dir(folder.path());
        let error = builder.environment(look_up(variables)).open().unwrap_err();
        assert_eq!(
            (error.kind(), error.uid()),
            (ErrorKind::Environment, Some("port"))
        );
        error
    };
    for text in [
        &[("WORSEN_TEST_PORT", "")],
        &[("WORSEN_TEST_PORT", "65536")],
        &[("WORSEN_TEST_PORT", "-1")],
    ] {
        fails(text);
    }
    let words = fails(&[("WORSEN_TEST_PORT", "0")]).to_string();
    assert!(
        words.contains("breaks the rule `range = 1..=65535`"),
        "{words}"
    );
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
enum Mode {
    #[default]
    Fast,
    Safe,
}

mod in_whole_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(time.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_secs)
    }
}

#[derive(Store)]
struct Typed {
    #[store(env = "TEXT", normalize = trim)]
    text: String,
    #[store(env = "MAYBE_TEXT")]
    maybe_text: Option<String>,
    #[store(env = "MAYBE_NUMBER")]
    maybe_number: Option<u32>,
    #[store(env = "FLAG")]
    flag: bool,
    #[store(env = "SHARE")]
    share: f64,
    #[store(env = "MODE")]
    mode: Mode,
    #[store(seed = [127, 0, 0, 1].into(), env = "ADDRESS")]
    address: IpAddr,
    #[store(env = "LIST")]
    list: Vec<String>,
    #[store(env = "TABLE")]
    table: BTreeMap<String, u32>,
    #[store(env = "TIME", with = in_whole_seconds)]
    time: Duration,
}

fn trim(text: &mut String) {
    *text = text.trim().to_owned();
}

#[test]
fn a_text_is_the_value_of_a_field_that_is_one_and_json_for_the_others() {
    let open = |variables: Variables| {
        Typed::builder()
            .in_memory()
            .environment(look_up(variables))
            .open()
    };
    let store = open(&[
        ("TEXT", " \"8080\" "),
        ("MAYBE_TEXT", "null"),
        ("MAYBE_NUMBER", "7"),
        ("FLAG", "true"),
        ("SHARE", "0.5"),
        ("MODE", "Safe"),
        ("ADDRESS", "::1"),
        ("LIST", "[\"a\",\"b\"]"),
        ("TABLE", "{\"a\":1}"),
        ("TIME", "90"),
    ])
    .unwrap();
    let state = store.snapshot();
    assert_eq!(
        (state.text.as_str(), state.maybe_text.as_deref()),
        ("\"8080\"", Some("null"))
    );
    assert_eq!(
        (state.maybe_number, state.flag, state.share),
        (Some(7), true, 0.5)
    );
    assert_eq!(
        (state.mode, state.address),
        (Mode::Safe, IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]))
    );
    assert_eq!(
        (state.list.join("+"), state.table["a"]),
        ("a+b".to_owned(), 1)
    );
    assert_eq!(state.time, Duration::from_secs(90));
    assert_eq!(
        open(&[("MAYBE_NUMBER", "null")]).unwrap().maybe_number(),
        None
    );
    for wrong in [
        &[("FLAG", "yes")],
        &[("MODE", "Slow")],
        &[("LIST", "a,b")],
        &[("TIME", "90s")],
    ] {
        assert_eq!(open(wrong).unwrap_err().kind(), ErrorKind::Environment);
    }
}

/// A name under which the derive does not know the type.
type Ages = Map<String, u32>;

#[derive(Store)]
struct Hidden {
    #[store(env = "AGES")]
    ages: Ages,
}

#[test]
fn a_collection_by_another_name_cannot_be_overridden_either() {
    let open = |variables: Variables| {
        Hidden::builder()
            .in_memory()
            .environment(look_up(variables))
            .open()
    };
    let error = open(&[("AGES", "{\"Ada\":36}")]).unwrap_err();
    assert_eq!(
        (error.kind(), error.uid()),
        (ErrorKind::Environment, Some("ages"))
    );
    assert!(open(&[]).unwrap().ages().is_empty());
}

#[derive(Store)]
#[store(name = "server")]
struct Renamed {
    #[store(alias = "port", env = "RENAMED_PORT")]
    listen_port: u16,
    added: u16,
}

#[test]
fn a_value_under_a_former_uid_is_stored_and_can_be_overridden() {
    let folder = folder();
    open_with(folder.path(), &[]).set_port(9000).wait().unwrap();
    let open = |variables: Variables| {
        let builder = Renamed::builder().dir(folder.path());
        builder.environment(look_up(variables)).open().unwrap()
    };
    let store = open(&[("RENAMED_PORT", "1")]);
    assert_eq!(
        (store.listen_port(), store.source_of("listen_port")),
        (1, Some(Source::Env("RENAMED_PORT")))
    );
    drop(store);
    let store = open(&[]);
    assert_eq!(
        (store.listen_port(), store.source_of("listen_port")),
        (9000, Some(Source::Stored))
    );
    assert_eq!(store.source_of("added"), Some(Source::Seed));
}
