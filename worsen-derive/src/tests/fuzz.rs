//! The fuzz target of the derive, `worsen/fuzz/fuzz_targets/derive_attributes`, keeps up with the derive, and the
//! derive passes on all of its seeds, among them what the fuzzer has found.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{attr, derive::derive};

/// The folder of the fuzz targets. A published derive has none beside it.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worsen/fuzz");
    if !folder.exists() {
        println!("skipped: the fuzz targets are not beside this crate");
        return None;
    }
    Some(folder)
}

#[test]
fn every_seed_of_the_fuzz_target_is_expanded_to_rust() {
    let Some(folder) = folder() else { return };
    let mut seeds = 0;
    for seed in fs::read_dir(folder.join("seeds/derive_attributes")).unwrap() {
        let path = seed.unwrap().path();
        let input = fs::read_to_string(&path).unwrap().parse().unwrap();
        let output = derive(input);
        assert!(
            syn::parse2::<syn::File>(output.clone()).is_ok(),
            "{}: {output}",
            path.display()
        );
        seeds += 1;
    }
    assert!(seeds > 100, "only {seeds} seeds");
}

#[test]
fn the_fuzz_target_takes_in_every_module_of_the_derive() {
    let Some(folder) = folder() else { return };
    let target = folder.join("fuzz_targets/derive_attributes/main.rs");
    let target = modules(&fs::read_to_string(target).unwrap());
    let derive = modules(include_str!("../lib.rs"));
    let missing: Vec<&String> = derive.difference(&target).collect();
    assert!(missing.is_empty(), "{missing:?} are not in the fuzz target");
}

#[test]
fn the_fuzz_target_knows_every_key() {
    let Some(folder) = folder() else { return };
    let words = folder.join("fuzz_targets/derive_attributes/mutate.rs");
    let words = fs::read_to_string(words).unwrap();
    for key in attr::all_keys() {
        assert!(
            words.contains(&format!("\"{key}\"")),
            "`{key}` is not among the words"
        );
    }
}

/// The modules that a file declares, other than those for tests alone.
fn modules(source: &str) -> BTreeSet<String> {
    let items = syn::parse_file(source).unwrap().items;
    let modules = items.into_iter().filter_map(|item| match item {
        syn::Item::Mod(item) => Some(item),
        _ => None,
    });
    modules
        .filter(|item| !item.attrs.iter().any(|attr| attr.path().is_ident("cfg")))
        .map(|item| item.ident.to_string())
        .collect()
}
