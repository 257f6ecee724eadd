//! Errors as programs print them that walk through all sources. Never here: what the words are.

use worsen::{
    Error, Store,
    testing::{Fault, Repeat},
};
use worsen_tests::State;

use super::of_old;
use crate::support::folder;

/// What all sources of an error say, each by itself.
fn parts(error: &anyhow::Error) -> Vec<String> {
    error.chain().map(ToString::to_string).collect()
}

#[test]
fn anyhow_prints_each_part_of_an_error_once() {
    let folder = folder();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = State::builder().dir(file.join("below")).open().unwrap_err();
    let cause = std::error::Error::source(&refused).expect("the system said why");
    assert!(cause.is::<std::io::Error>());
    let (disk, opened) = of_old();
    disk.fail(0, Fault::LostSync, Repeat::ForGood);
    let in_doubt = opened.set("a", "new").unwrap_err();
    let poisoned = opened.set("a", "new").unwrap_err();
    for (error, count) in [(refused, 2), (in_doubt, 2), (poisoned, 3)] {
        let kind = error.kind();
        let plain = anyhow::Error::from(error);
        let told = anyhow::Context::context(Err::<(), _>(plain), "the state is not kept");
        let told = told.unwrap_err();
        let parts = parts(&told);
        assert_eq!(parts.len(), count + 1, "{parts:?}");
        for printed in [format!("{told:#}"), format!("{told:?}")] {
            for part in &parts {
                assert_eq!(
                    printed.matches(part.as_str()).count(),
                    1,
                    "{part}\n{printed}"
                );
            }
        }
        let found = told.downcast_ref::<Error>().map(Error::kind);
        assert_eq!(found, Some(kind), "it is found among them");
    }
}
