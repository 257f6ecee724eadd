//! The message about an unknown key: which one its author most likely meant. Never here: values.

use syn::{Ident, ext::IdentExt};

use super::keys::{ALIASES, Key, Level};

pub(super) fn unknown_key(level: &Level, key: &Ident) -> syn::Error {
    let name = key.unraw().to_string();
    let is_known = |keys: &[Key], name: &str| keys.iter().any(|known| known.name == name);
    if is_known(level.other, &name) {
        return syn::Error::new(
            key.span(),
            format!(
                "`{name}` is a key of {}, not of {}: move it there",
                level.there, level.here
            ),
        );
    }
    let alias = ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map(|(_, meant)| *meant);
    let meant = alias
        .filter(|meant| is_known(level.keys, meant))
        .or_else(|| {
            level
                .keys
                .iter()
                .map(|known| (distance(&name, known.name), known.name))
                .filter(|(distance, known)| *distance <= 2 && *distance < known.len())
                .min()
                .map(|(_, known)| known)
        });
    let message = match meant {
        Some(meant) => format!(
            "unknown key `{name}`: did you mean `{meant}`, as in `{}`?",
            level.example(meant)
        ),
        None => format!(
            "unknown key `{name}`: the keys of {} are {}",
            level.here,
            level.list()
        ),
    };
    syn::Error::new(key.span(), message)
}

/// How many letters must be changed, added, removed or swapped to make one word the other.
pub(super) fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let differs = usize::from(from[i - 1] != to[j - 1]);
                let mut best = (rows[i - 1][j] + 1)
                    .min(rows[i][j - 1] + 1)
                    .min(rows[i - 1][j - 1] + differs);
                if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[from.len()][to.len()]
}
