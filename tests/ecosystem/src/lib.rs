//! What a store does to values of other crates' types: each is stored for real, read by others and after
//! reopening, and what was seen becomes a row of the guide. Here is how it is seen; the values stand in the
//! modules, a topic each. Never here: what is expected. That is the guide's table alone.

pub mod collections;
pub mod data;
pub mod domain;
pub mod net;
pub mod numbers;
pub mod observe;
pub mod standard;
pub mod text;
pub mod time;

use std::{fmt, sync::OnceLock};

/// What was seen of one type.
#[derive(Debug)]
pub struct Row {
    /// The crate, as Cargo.toml calls it; `None` for the standard library.
    pub of: Option<&'static str>,
    /// The type, as the case writes it.
    pub name: String,
    /// The module that writes and reads it, for `#[store(with = ...)]`.
    pub with: Option<&'static str>,
    /// The JSON of its first value.
    pub json: Option<String>,
    pub field: String,
    pub key: String,
    pub remark: &'static str,
    /// What must not be, of any type: it is a fault of worsen's.
    pub faults: Vec<String>,
}

/// All topics, with their headings.
pub fn topics() -> Vec<(&'static str, Vec<Row>)> {
    vec![
        ("The standard library", standard::rows()),
        ("Time", time::rows()),
        ("Text and bytes", text::rows()),
        ("Networks, identifiers and versions", net::rows()),
        ("Numbers, vectors and colours", numbers::rows()),
        ("Collections", collections::rows()),
        ("Values of any shape", data::rows()),
        ("Other types", domain::rows()),
    ]
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.of.map_or_else(|| "std".to_owned(), pinned);
        let json = self.json.as_deref().map_or_else(String::new, code);
        let mut field = self.field.clone();
        if !self.remark.is_empty() {
            field = format!("{field}; {}", self.remark);
        }
        let with = self.with.map(|module| format!(" `with` {}", code(module)));
        let name = code(&self.name) + &with.unwrap_or_default();
        write!(f, "| {of} | {name} | {json} | {} | {} |", field, self.key)
    }
}

/// As code in a cell of a table.
pub fn code(text: &str) -> String {
    const MOST: usize = 56;
    let text = match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    };
    let text = text.replace('|', "\\|");
    match text.contains('`') {
        true => format!("`` {text} ``"),
        false => format!("`{text}`"),
    }
}

/// The version of a crate, and its features for serde, as Cargo.toml has them.
fn pinned(name: &str) -> String {
    static MANIFEST: OnceLock<toml::Table> = OnceLock::new();
    let manifest = MANIFEST.get_or_init(|| {
        let text = include_str!("../Cargo.toml");
        text.parse().expect("Cargo.toml is TOML")
    });
    let entry = &manifest["dependencies"][name];
    let version = entry.get("version").unwrap_or(entry).as_str().unwrap();
    let version = version.strip_prefix('=').expect("it is pinned");
    let features = entry.get("features").and_then(toml::Value::as_array);
    let features: String = features
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
        .filter(|feature| feature.contains("ser"))
        .map(|feature| format!(", `{feature}`"))
        .collect();
    format!("{name} {version}{features}")
}

/// How many crates there are rows of, beside the standard library.
pub fn crates(topics: &[(&'static str, Vec<Row>)]) -> usize {
    let rows = topics.iter().flat_map(|(_, rows)| rows);
    let names: std::collections::BTreeSet<_> = rows.filter_map(|row| row.of).collect();
    names.len()
}
