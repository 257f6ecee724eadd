//! The cases of `evolution/` without their mistakes. Each module is the twin of the file with its name.

mod version_zero {
    use worsen::Store;

    #[derive(Store)]
    #[store(version = 1)]
    struct State {
        ready: bool,
    }
}

mod version_not_a_number {
    use worsen::Store;

    #[derive(Store)]
    #[store(version = 2)]
    struct State {
        ready: bool,
    }
}

mod version_too_great {
    use worsen::Store;

    #[derive(Store)]
    #[store(version = 4294967295)]
    struct State {
        ready: bool,
    }
}

mod migrate_without_version {
    use worsen::Store;

    #[derive(Store)]
    #[store(version = 1, migrate = to_newest)]
    struct State {
        ready: bool,
    }

    fn to_newest(_store: &mut worsen::Raw<'_>, _from: u32) -> worsen::Result<()> {
        Ok(())
    }
}

mod migrate_of_another_shape {
    use worsen::Store;

    #[derive(Store)]
    #[store(version = 2, migrate = to_newest)]
    struct State {
        ready: bool,
    }

    fn to_newest(_store: &mut worsen::Raw<'_>, _from: u32) -> worsen::Result<()> {
        Ok(())
    }
}

mod migrate_not_a_path {
    use worsen::Store;

    #[derive(Store)]
    #[store(version = 2, migrate = functions::to_newest)]
    struct State {
        ready: bool,
    }

    mod functions {
        pub(super) fn to_newest(_store: &mut worsen::Raw<'_>, from: u32) -> worsen::Result<()> {
            assert!(from < 2);
            Ok(())
        }
    }
}

mod compatible_without_version {
    use worsen::Store;

    #[derive(Store)]
    #[store(version = 1, compatible = 0)]
    struct State {
        ready: bool,
    }
}

mod compatible_newer_than_version {
    use worsen::Store;

    #[derive(Store)]
    #[store(version = 3, compatible = 2)]
    struct State {
        ready: bool,
    }
}

mod alias_is_a_uid {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        port: u16,
        #[store(alias = "the_port")]
        listen_port: u16,
    }
}

mod alias_is_its_own_uid {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(uid = "listenPort", alias = "port")]
        port: u16,
    }
}

mod alias_twice {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(alias = "port")]
        listen_port: u16,
        #[store(alias = "address", alias = "host")]
        peer: String,
    }
}

mod alias_with_a_slash {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(alias = "net.port")]
        port: u16,
    }
}

mod alias_not_a_string {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(alias = "old")]
        port: u16,
    }
}

mod alias_of_a_skipped_field {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
        #[store(alias = "old")]
        port: u16,
    }
}

mod removed_is_a_uid {
    use worsen::Store;

    #[derive(Store)]
    #[store(removed("ports"))]
    struct State {
        port: u16,
    }
}

mod removed_is_an_alias {
    use worsen::Store;

    #[derive(Store)]
    #[store(removed("older"))]
    struct State {
        #[store(alias = "old")]
        port: u16,
    }
}

mod removed_without_parentheses {
    use worsen::Store;

    #[derive(Store)]
    #[store(removed("old"))]
    struct State {
        port: u16,
    }
}

mod removed_empty {
    use worsen::Store;

    #[derive(Store)]
    #[store(removed("old", "older"))]
    struct State {
        port: u16,
    }
}

mod deny_unknown_with_a_value {
    use worsen::Store;

    #[derive(Store)]
    #[store(deny_unknown)]
    struct State {
        port: u16,
    }
}

mod keys_of_serde {
    use worsen::Store;

    #[derive(Store)]
    #[store(deny_unknown)]
    struct State {
        #[store(alias = "old")]
        port: u16,
    }
}
