//! The keys of `#[store(...)]`: their names, what they look like, and where they stand. Never here: how
//! their values are read.

pub(super) const ACCESSOR: &str = "accessor";
pub(super) const ACCESSORS: &str = "accessors";
pub(super) const ALIAS: &str = "alias";
pub(super) const APP: &str = "app";
pub(super) const COMPATIBLE: &str = "compatible";
pub(super) const CONFIG: &str = "config";
pub(super) const CRATE: &str = "crate";
pub(super) const DENY_UNKNOWN: &str = "deny_unknown";
pub(super) const DIR: &str = "dir";
pub(super) const DURABILITY: &str = "durability";
pub(super) const ENV: &str = "env";
pub(super) const ENV_PREFIX: &str = "env_prefix";
pub(super) const HANDLE: &str = "handle";
pub(super) const LEN: &str = "len";
pub(super) const HISTORY: &str = "history";
pub(super) const LOCK_TIMEOUT: &str = "lock_timeout";
pub(super) const MIGRATE: &str = "migrate";
pub(super) const NAME: &str = "name";
pub(super) const NORMALIZE: &str = "normalize";
pub(super) const ON_MISMATCH: &str = "on_mismatch";
pub(super) const ONE_OF: &str = "one_of";
pub(super) const POLL: &str = "poll";
pub(super) const RANGE: &str = "range";
pub(super) const REMOVED: &str = "removed";
pub(super) const RENAME_ALL: &str = "rename_all";
pub(super) const SEED: &str = "seed";
pub(super) const SKIP: &str = "skip";
pub(super) const UID: &str = "uid";
pub(super) const VALIDATE: &str = "validate";
pub(super) const VERSION: &str = "version";
pub(super) const WITH: &str = "with";

/// A key of `#[store(...)]`, and an example that shows how to write it.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) example: &'static str,
}

const CONTAINER_KEYS: &[Key] = &[
    Key {
        name: NAME,
        example: "name = \"my-store\"",
    },
    Key {
        name: DIR,
        example: "dir = \"./db\"",
    },
    Key {
        name: POLL,
        example: "poll = \"5s\"",
    },
    Key {
        name: DURABILITY,
        example: "durability = Buffered",
    },
    Key {
        name: LOCK_TIMEOUT,
        example: "lock_timeout = \"5s\"",
    },
    Key {
        name: HISTORY,
        example: "history = \"7d\"",
    },
    Key {
        name: HANDLE,
        example: "handle = MyHandle",
    },
    Key {
        name: ACCESSORS,
        example: "accessors = pub(crate)",
    },
    Key {
        name: RENAME_ALL,
        example: "rename_all = \"camelCase\"",
    },
    Key {
        name: VALIDATE,
        example: "validate = path::to::function",
    },
    Key {
        name: NORMALIZE,
        example: "normalize = path::to::function",
    },
    Key {
        name: VERSION,
        example: "version = 2",
    },
    Key {
        name: MIGRATE,
        example: "migrate = my_function",
    },
    Key {
        name: COMPATIBLE,
        example: "compatible = 1",
    },
    Key {
        name: REMOVED,
        example: "removed(\"old_uid\")",
    },
    Key {
        name: DENY_UNKNOWN,
        example: "deny_unknown",
    },
    Key {
        name: ENV_PREFIX,
        example: "env_prefix = \"APP_\"",
    },
    Key {
        name: CRATE,
        example: "crate = path::to::worsen",
    },
    Key {
        name: ON_MISMATCH,
        example: "on_mismatch = \"seed\"",
    },
];

const FIELD_KEYS: &[Key] = &[
    Key {
        name: UID,
        example: "uid = \"myUid\"",
    },
    Key {
        name: ALIAS,
        example: "alias = \"old_uid\"",
    },
    Key {
        name: SEED,
        example: "seed = 42",
    },
    Key {
        name: ACCESSOR,
        example: "accessor = \"my_name\"",
    },
    Key {
        name: SKIP,
        example: "skip",
    },
    Key {
        name: WITH,
        example: "with = my_module",
    },
    Key {
        name: VALIDATE,
        example: "validate = path::to::function",
    },
    Key {
        name: NORMALIZE,
        example: "normalize = path::to::function",
    },
    Key {
        name: RANGE,
        example: "range = 1..=65535",
    },
    Key {
        name: LEN,
        example: "len = ..=80",
    },
    Key {
        name: ONE_OF,
        example: "one_of = [\"light\", \"dark\"]",
    },
    Key {
        name: ON_MISMATCH,
        example: "on_mismatch = \"seed\"",
    },
    Key {
        name: ENV,
        example: "env = \"APP_PORT\"",
    },
];

/// Keys of other crates' attributes that people write here, and the key they mean.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("default", SEED),
    ("deny_unknown_fields", DENY_UNKNOWN),
    ("directory", DIR),
    ("environment", ENV),
    ("getter", ACCESSOR),
    ("choices", ONE_OF),
    ("id", UID),
    ("initial", SEED),
    ("interval", POLL),
    ("length", LEN),
    ("max_len", LEN),
    ("min_len", LEN),
    ("migration", MIGRATE),
    ("path", DIR),
    ("rename", UID),
    ("renamed_from", ALIAS),
    ("schema_version", VERSION),
    ("serde", WITH),
    ("timeout", LOCK_TIMEOUT),
    ("transient", SKIP),
    ("vis", ACCESSORS),
    ("visibility", ACCESSORS),
];

/// Where an attribute stands.
pub(super) struct Level {
    pub(super) keys: &'static [Key],
    /// How a message names this level.
    pub(super) here: &'static str,
    /// The key that is most likely missing before a value that stands alone.
    pub(super) positional: &'static str,
    pub(super) other: &'static [Key],
    /// How a message names the other level.
    pub(super) there: &'static str,
}

pub(super) const CONTAINER: Level = Level {
    keys: CONTAINER_KEYS,
    here: "the struct",
    positional: NAME,
    other: FIELD_KEYS,
    there: "a field",
};

pub(super) const FIELD: Level = Level {
    keys: FIELD_KEYS,
    here: "a field",
    positional: UID,
    other: CONTAINER_KEYS,
    there: "the struct",
};

impl Level {
    pub(super) fn example(&self, key: &str) -> &'static str {
        self.keys
            .iter()
            .find(|known| known.name == key)
            .map_or("", |known| known.example)
    }

    pub(super) fn list(&self) -> String {
        let names: Vec<String> = self
            .keys
            .iter()
            .map(|key| format!("`{}`", key.name))
            .collect();
        names.join(", ")
    }
}

/// The keys of the struct and those of a field.
#[cfg(test)]
pub(crate) fn all_keys() -> impl Iterator<Item = &'static str> {
    CONTAINER_KEYS.iter().chain(FIELD_KEYS).map(|key| key.name)
}
