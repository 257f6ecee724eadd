//! Makes the seeds of the targets `record` and `recovery_plan` anew, from real stores:
//!
//! ```text
//! cargo run --manifest-path worsen/fuzz/Cargo.toml --bin make_seeds
//! ```
//!
//! What other runs have left in the folders of seeds stays there, so that inputs which showed a mistake do.

use std::{error::Error, fs, path::Path};

use worsen::{Options, PersistentStore};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// What stands between log and backup in an input of `recovery_plan`: see `properties.rs` of the runtime's recovery.
const SEPARATOR: &[u8] = b"\xff";

/// How the store is opened, in the first byte of an input.
const REPAIR: u8 = 0;
const READ_ONLY: u8 = 1;
const SALVAGE: u8 = 2;
/// The lines of both files are sealed anew.
const RESEALED: u8 = 4 | 8;

/// A log and its backup.
#[derive(Clone)]
struct Files(Vec<u8>, Vec<u8>);

fn main() -> Outcome {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, Files(log, backup)) in stores()? {
        for (how, flags) in [("as-is", 0), ("sealed", 101)] {
            let seed = [&[flags], &log[..]].concat();
            fs::write(seeds.join(format!("record/{name}-{how}")), seed)?;
        }
        for (how, flags) in [
            ("repair", REPAIR),
            ("read-only", READ_ONLY),
            ("salvage", SALVAGE),
            ("sealed", RESEALED),
        ] {
            let seed = [&[flags], &log[..], SEPARATOR, &backup].concat();
            fs::write(seeds.join(format!("recovery_plan/{name}-{how}")), seed)?;
        }
    }
    Ok(())
}

fn stores() -> Outcome<Vec<(&'static str, Files)>> {
    let written = written(|_| Ok(()))?;
    let Files(log, backup) = written.clone();
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let without = |left_out: usize| {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != left_out);
        kept.flat_map(|(_, line)| line.iter().copied())
            .collect::<Vec<u8>>()
    };
    let mut flipped = log.clone();
    flipped[log.len() / 2] ^= 4;
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    // The loss is accepted, and a new generation begins with what is left.
    let salvaged = self::written(|dir| {
        let path = dir.join("fuzz.db");
        let mut bytes = fs::read(&path)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(path, bytes)?;
        fs::remove_file(dir.join("fuzz.cache.db"))?;
        PersistentStore::<String>::builder("fuzz")
            .dir(dir)
            .salvage()
            .open()?
            .write("after", "salvage".into())
            .wait()?;
        Ok(())
    })?;
    Ok(vec![
        ("torn", Files(log[..log.len() - 9].to_vec(), backup.clone())),
        ("flipped", Files(flipped, backup.clone())),
        ("missing", Files(without(2), Vec::new())),
        ("moved", Files(Vec::new(), swapped.concat())),
        ("swapped", Files(swapped.concat(), without(1))),
        ("restored", Files(Vec::new(), backup)),
        ("salvaged", salvaged),
        ("written", written),
    ])
}

/// The files of a store with a few commits, once `more` was done to them.
fn written(more: impl FnOnce(&Path) -> Outcome) -> Outcome<Files> {
    let dir = tempfile::tempdir()?;
    let options = Options {
        db_dir: dir.path().into(),
        ..Options::default()
    };
    let store = PersistentStore::<String>::new("fuzz", options)?;
    store.write("a", "one".into()).wait()?;
    store.write("b/\"\u{f6}", "tw\u{f6}".into()).wait()?;
    store.remove("a").wait()?;
    store
        .update_all(|draft| {
            draft.set("a", "three".into());
            draft.remove("b/\"\u{f6}");
        })
        .wait()?;
    drop(store);
    more(dir.path())?;
    let read = |name: &str| fs::read(dir.path().join(name));
    Ok(Files(read("fuzz.db")?, read("fuzz.cache.db")?))
}
