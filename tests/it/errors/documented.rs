//! The kinds of errors and their effects, read from the source of `ErrorKind`. Never here: bringing one about.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use worsen::Effect;

/// The variants of `ErrorKind` as its source has them, each with the effects that its row in the documents names.
pub(super) fn kinds() -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worsen/src/error");
    let files = fs::read_dir(folder).unwrap();
    let found = files.filter_map(|file| {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        let items = syn::parse_file(&source).unwrap().items;
        let kinds = items.into_iter().find_map(|item| match item {
            syn::Item::Enum(item) if item.ident == "ErrorKind" => Some(item),
            _ => None,
        });
        kinds.map(|kinds| (kinds, source))
    });
    let [(kinds, source)] = &found.collect::<Vec<_>>()[..] else {
        panic!("there is not one `ErrorKind`");
    };
    let row = |kind: &str| {
        let begin = format!("/// | [`{kind}`](");
        let row = source.lines().find(|line| line.starts_with(&begin));
        let row = row.unwrap_or_else(|| panic!("{kind} has no row"));
        let effects = row.split(" | ").nth(3).unwrap_or_default();
        effects.split(", or ").map(str::to_owned).collect()
    };
    let names = kinds.variants.iter().map(|kind| kind.ident.to_string());
    names.map(|kind| (kind.clone(), row(&kind))).collect()
}

/// As the documents name it.
pub(super) fn in_words(effect: Effect) -> &'static str {
    match effect {
        Effect::NothingWritten => "nothing written",
        Effect::Unknown => "unknown",
        Effect::Written => "written",
        _ => "another one",
    }
}
