use std::{error::Error as StdError, io, path::Path};

use super::*;

/// As anyhow, eyre and others print it.
fn with_all_sources(error: &dyn StdError) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        said += &format!(": {error}");
        source = error.source();
    }
    said
}

fn not_synced() -> Error {
    file::sync_failed(Path::new("s.db"), io::Error::other("the first cause")).in_store("s", None)
}

#[test]
fn an_error_that_is_printed_with_its_sources_says_nothing_twice() {
    let first = not_synced();
    let poisoned = engine::poisoned(Some(&first)).in_store("s", Some(Path::new("s.db")));
    let wrapped = io::Error::other(io::Error::other(poisoned.clone()));
    for error in [
        &first as &dyn StdError,
        &poisoned,
        &wrapped,
        &io::Error::from(first.clone()),
    ] {
        let printed = with_all_sources(error);
        for said in ["the first cause", "while the commit was synced"] {
            assert_eq!(printed.matches(said).count(), 1, "{printed}");
        }
    }
    let source = first.source().expect("it has one");
    assert!(source.is::<io::Error>());
}

#[test]
fn an_error_alone_says_what_to_do_and_in_full_why() {
    let poisoned = engine::poisoned(Some(&not_synced())).in_store("s", Some(Path::new("s.db")));
    assert_eq!(
        poisoned.to_string(),
        "store `s` (s.db): the store refuses writes, as an earlier one left in doubt what is on disk; nothing was written; drop every handle and open the store again"
    );
    let in_full = "store `s` (s.db): the store refuses writes, as an earlier one left in doubt what is on disk: the disk failed while the commit was synced: the first cause; nothing was written; drop every handle and open the store again";
    assert_eq!(format!("{poisoned:#}"), in_full);
    assert_eq!(format!("{poisoned:?}"), format!("Poisoned: {in_full}"));
}

#[test]
fn what_the_system_refuses_is_said_in_words_and_by_its_source() {
    let path = Path::new("s.db");
    let full = file::not_written(path, io::ErrorKind::StorageFull.into());
    assert_eq!(full.kind(), ErrorKind::NoSpace);
    assert!(full.is_transient());
    assert!(
        full.to_string().contains("the disk is full; make room"),
        "{full}"
    );
    let denied = file::log_unreadable(path, io::ErrorKind::PermissionDenied.into());
    assert_eq!(denied.kind(), ErrorKind::PermissionDenied);
    assert!(!denied.is_transient());
    let other = file::log_unreadable(path, io::Error::other("a riddle"));
    assert_eq!(other.kind(), ErrorKind::Io);
    assert!(!other.to_string().contains("a riddle"), "{other}");
    assert!(
        format!("{other:#}").contains("read: a riddle; look"),
        "{other:#}"
    );
}

#[test]
fn an_error_is_of_no_write_until_a_writer_is_told() {
    let read = file::log_unreadable(Path::new("s.db"), io::Error::other("no"));
    assert_eq!(read.effect(), Effect::NothingWritten);
    assert!(!read.to_string().contains("written"), "{read}");
    let written = read.clone().nothing_written();
    assert!(
        written.to_string().contains("; nothing was written; "),
        "{written}"
    );
    // What is known of a write is not forgotten on its way.
    let unknown = not_synced().nothing_written();
    assert_eq!(unknown.effect(), Effect::Unknown);
    assert!(unknown.is_outcome_unknown());
    let both = written.along_with(Effect::Unknown);
    assert_eq!(both.effect(), Effect::Unknown);
    assert_eq!(both.along_with(Effect::Unknown).effect(), Effect::Unknown);
}

/// The table in the documents is what a user looks a kind up in.
#[test]
fn the_table_of_kinds_has_them_all() {
    let source = include_str!("kind.rs");
    let (_, kinds) = source
        .split_once("pub enum ErrorKind {")
        .expect("it is there");
    let (kinds, _) = kinds.split_once("\n}").expect("it ends");
    let mut count = 0;
    for kind in kinds.lines().map(str::trim) {
        let Some(kind) = kind.strip_suffix(',') else {
            continue;
        };
        if kind.starts_with("///") {
            continue;
        }
        count += 1;
        let row = format!("/// | [`{kind}`](Self::{kind}) |");
        assert_eq!(source.matches(&row).count(), 1, "{kind}");
    }
    assert!(count > 25, "{count}");
}
