//! The names of the accessors of a field, and the names that no accessor can have. Never here: what an
//! accessor does.

use syn::{Ident, ext::IdentExt};

use crate::model::Field;

/// The names of the methods of one field.
pub(crate) struct Names {
    pub(crate) read: String,
    pub(crate) set: String,
    pub(crate) update: String,
    pub(crate) reset: String,
    pub(crate) watch: String,
}

impl Names {
    pub(crate) fn of(field: &Field<'_>) -> Self {
        let name = &field.accessor.value;
        Names {
            read: name.clone(),
            set: format!("set_{name}"),
            update: format!("update_{name}"),
            reset: format!("reset_{name}"),
            watch: format!("watch_{name}"),
        }
    }

    pub(crate) fn all(&self) -> [&str; 5] {
        [
            &self.read,
            &self.set,
            &self.update,
            &self.reset,
            &self.watch,
        ]
    }
}

/// The methods of the runtime's `Handle`, which an accessor would hide. A test reads them from its source.
pub(crate) const OF_HANDLE: &[&str] = &[
    "at",
    "backup_to",
    "backup_with",
    "changes",
    "compact_now",
    "export_json",
    "health",
    "history",
    "import_json",
    "imported",
    "on_change",
    "path",
    "purge_history",
    "recovered",
    "reset",
    "restore_from",
    "revert_to",
    "revision",
    "snapshot",
    "source_of",
    "store_name",
    "sync",
    "try_update",
    "undo",
    "update",
    "was_created",
    "watch",
    "work",
];

/// The functions of the trait `Store`. They belong to the struct, and people look for them on the handle too.
pub(crate) const OF_STORE: &[&str] = &["builder", "open"];

/// The methods that each handle has by a trait of the standard library: one that the derive implements, or
/// one that comes with it.
pub(crate) const OF_STD: &[&str] = &[
    "borrow",
    "borrow_mut",
    "clone",
    "clone_from",
    "deref",
    "fmt",
    "into",
    "to_owned",
    "try_into",
    "type_id",
];

/// Whether an accessor of this name would hide a method.
pub(crate) fn is_reserved(name: &str) -> bool {
    [OF_HANDLE, OF_STORE, OF_STD]
        .iter()
        .any(|names| names.contains(&name))
}

/// Whether a method can have this name, if need be as a raw identifier. Nothing may stand beside the name: a
/// parser passes over spaces and comments, and `Ident::new` panics at them.
pub(crate) fn is_accessor_name(name: &str) -> bool {
    let is_whole =
        |text: &str| syn::parse_str::<Ident>(text).is_ok_and(|ident| ident.unraw() == name);
    name != "_" && (is_whole(name) || is_whole(&format!("r#{name}")))
}
