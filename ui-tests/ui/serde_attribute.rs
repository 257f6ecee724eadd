//! The cases of `serde_attribute/` without their mistakes. Each module is the twin of the file with its name.

mod alias {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(uid = "Ready")]
        ready: bool,
        #[serde(alias = "Steady")]
        #[store(uid = "steady")]
        steady: bool,
    }
}

mod flatten {
    use std::collections::BTreeMap;

    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[serde(flatten)]
        #[store(uid = "rest")]
        rest: BTreeMap<String, u32>,
    }
}

mod in_one_direction {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
        #[serde(skip_serializing)]
        #[store(skip)]
        token: u32,
        #[serde(skip_deserializing)]
        #[store(skip = false)]
        cache: u32,
    }
}

mod two_names {
    use worsen::Store;

    #[derive(Store)]
    #[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
    #[store(rename_all = "camelCase")]
    struct State {
        is_ready: bool,
        #[serde(rename(serialize = "Steady"))]
        #[store(uid = "Steady")]
        steady: bool,
        #[serde(rename(serialize = "Go", deserialize = "Go"))]
        go: bool,
    }
}

mod whole_struct {
    use worsen::Store;

    #[derive(Store)]
    #[serde(bound = "", deny_unknown_fields, rename = "state", tag = "type")]
    struct State {
        ready: bool,
    }

    #[derive(Store)]
    struct Wrapper {
        ready: bool,
    }
}

mod unknown_key {
    use worsen::Store;

    #[derive(Store)]
    #[serde(rename_all = "camelCase")]
    struct State {
        #[serde(default)]
        is_ready: bool,
        #[serde(rename = "Ready")]
        steady: bool,
        #[serde(with = "self::go")]
        go: bool,
    }

    mod go {
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        pub(super) fn serialize<S: Serializer>(go: &bool, to: S) -> Result<S::Ok, S::Error> {
            u8::from(*go).serialize(to)
        }

        pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
            u8::deserialize(from).map(|go| go == 1)
        }
    }
}

mod keys_on_a_field_that_serde_skips {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
        #[serde(skip)]
        #[store(skip = false, seed = 3)]
        cache: u32,
        #[store(skip)]
        rest: u32,
    }
}

mod function_of_another_type {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[serde(default = "number")]
        count: u32,
    }

    fn number() -> u32 {
        3
    }
}

mod without_keys {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
    }
}
