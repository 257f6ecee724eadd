//! The names that the accessors of a field have, and which names they cannot have. Never here: what an
//! accessor does.

use syn::Ident;

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

/// What an accessor would hide: the methods of `Handle`, of the traits that every handle has, and
/// of the `Store` trait, which people look for on the handle too.
const RESERVED: &[&str] = &[
    "borrow",
    "borrow_mut",
    "builder",
    "changes",
    "clone",
    "clone_from",
    "compact",
    "deref",
    "deref_mut",
    "fmt",
    "health",
    "into",
    "store_name",
    "on_change",
    "open",
    "path",
    "recovered",
    "reset",
    "revision",
    "salvage",
    "snapshot",
    "sync",
    "to_owned",
    "try_into",
    "try_update",
    "type_id",
    "update",
    "was_created",
    "watch",
    "work",
];

pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Whether a method can have this name, be it as a raw identifier.
pub(crate) fn is_accessor_name(name: &str) -> bool {
    name != "_"
        && !name.starts_with("r#")
        && (syn::parse_str::<Ident>(name).is_ok()
            || syn::parse_str::<Ident>(&format!("r#{name}")).is_ok())
}
