//! Every mistake in `ui/<topic>/` fails to compile, with the words of its `.stderr`. Its twin, the module of
//! the same name in `ui/<topic>.rs`, compiles: this file contains it.
//!
//! When the words have changed, run `TRYBUILD=overwrite cargo test -p worsen-ui-tests`, and read what it wrote.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

#[path = "../ui/accessor.rs"]
mod accessor;
#[path = "../ui/attribute.rs"]
mod attribute;
#[path = "../ui/collection.rs"]
mod collection;
#[path = "../ui/dir.rs"]
mod dir;
#[path = "../ui/env.rs"]
mod env;
#[path = "../ui/evolution.rs"]
mod evolution;
#[path = "../ui/field_type.rs"]
mod field_type;
#[path = "../ui/handle.rs"]
mod handle;
#[path = "../ui/key.rs"]
mod key;
#[path = "../ui/many.rs"]
mod many;
#[path = "../ui/name.rs"]
mod name;
#[path = "../ui/on_mismatch.rs"]
mod on_mismatch;
#[path = "../ui/option.rs"]
mod option;
#[path = "../ui/rules.rs"]
mod rules;
#[path = "../ui/seed.rs"]
mod seed;
#[path = "../ui/seeds_macro.rs"]
mod seeds_macro;
#[path = "../ui/serde_attribute.rs"]
mod serde_attribute;
#[path = "../ui/shape.rs"]
mod shape;
#[path = "../ui/skip.rs"]
mod skip;
#[path = "../ui/uid.rs"]
mod uid;
#[path = "../ui/with.rs"]
mod with;
#[path = "../ui/work_queue.rs"]
mod work_queue;

/// The module that the twins name in `with = ...`.
mod codec {
    pub(crate) fn serialize<S: serde::Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(bytes, to)
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<u8>, D::Error> {
        serde::Deserialize::deserialize(from)
    }
}

/// The toolchain that wrote the `.stderr` files: each compiler has words of its own.
const TOOLCHAIN: &str = "rustc 1.95.";

#[test]
fn every_mistake_is_explained() -> io::Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output()?.stdout;
    let version = String::from_utf8_lossy(&version);
    if !version.starts_with(TOOLCHAIN) {
        println!(
            "skipped: the `.stderr` files are those of `{TOOLCHAIN}`, and this is `{}`",
            version.trim()
        );
        return Ok(());
    }
    trybuild::TestCases::new().compile_fail("ui/*/*.rs");
    Ok(())
}

#[test]
fn every_mistake_has_a_twin_without_it() -> io::Result<()> {
    let mistakes = mistakes()?;
    assert!(mistakes.len() >= 60, "only {} cases", mistakes.len());
    let topics: BTreeSet<&str> = mistakes.iter().map(|(topic, _)| topic.as_str()).collect();
    let mut twins = BTreeSet::new();
    for topic in topics {
        assert!(
            include_str!("ui.rs").contains(&format!("#[path = \"../ui/{topic}.rs\"]")),
            "`ui/{topic}.rs` is not compiled"
        );
        let source = fs::read_to_string(ui().join(topic).with_extension("rs"))?;
        let modules = source
            .lines()
            .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(" {"));
        twins.extend(modules.map(|module| (topic.to_owned(), module.to_owned())));
    }
    assert_eq!(mistakes, twins);
    Ok(())
}

/// The topic and the name of every case.
fn mistakes() -> io::Result<BTreeSet<(String, String)>> {
    let mut mistakes = BTreeSet::new();
    for topic in files(&ui())?.into_iter().filter(|path| path.is_dir()) {
        for case in files(&topic)? {
            if case.extension().is_some_and(|extension| extension == "rs") {
                mistakes.insert((stem(&topic), stem(&case)));
            }
        }
    }
    Ok(mistakes)
}

fn ui() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect()
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
