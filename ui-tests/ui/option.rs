//! The cases of `option/` without their mistakes. Each module is the twin of the file with its name.

mod poll_not_a_duration {
    use worsen::Store;

    #[derive(Store)]
    #[store(poll = "100ms")]
    struct State {
        ready: bool,
    }
}

mod poll_without_unit {
    use worsen::Store;

    #[derive(Store)]
    #[store(poll = "5s")]
    struct State {
        ready: bool,
    }
}

mod poll_number {
    use worsen::Store;

    #[derive(Store)]
    #[store(poll = "5s")]
    struct State {
        ready: bool,
    }
}

mod poll_zero {
    use worsen::Store;

    #[derive(Store)]
    #[store(poll = "never")]
    struct State {
        ready: bool,
    }
}

mod lock_timeout_never {
    use worsen::Store;

    #[derive(Store)]
    #[store(lock_timeout = "1h 30m")]
    struct State {
        ready: bool,
    }
}

mod history_not_a_duration {
    use worsen::Store;

    #[derive(Store)]
    #[store(history = "7d")]
    struct State {
        ready: bool,
    }
}

mod history_zero {
    use worsen::Store;

    #[derive(Store)]
    #[store(history = 1000)]
    struct State {
        ready: bool,
    }
}

mod history_without_a_value {
    use worsen::Store;

    #[derive(Store)]
    #[store(history = "12h")]
    struct State {
        ready: bool,
    }
}

mod durability_unknown {
    use worsen::Store;

    #[derive(Store)]
    #[store(durability = Synced)]
    struct State {
        ready: bool,
    }
}

mod durability_quoted {
    use worsen::Store;

    #[derive(Store)]
    #[store(durability = Buffered)]
    struct State {
        ready: bool,
    }
}

mod handle_quoted {
    use worsen::Store;

    #[derive(Store)]
    #[store(handle = Switches)]
    struct State {
        ready: bool,
    }

    fn _ready(switches: &Switches) -> bool {
        switches.ready()
    }
}

mod handle_named_as_struct {
    use worsen::Store;

    #[derive(Store)]
    #[store(handle = StateHandle)]
    struct State {
        ready: bool,
    }
}

mod handle_not_a_name {
    use worsen::Store;

    #[derive(Store)]
    #[store(handle = Switches)]
    struct State {
        ready: bool,
    }
}

mod accessors_quoted {
    use worsen::Store;

    #[derive(Store)]
    #[store(accessors = pub)]
    struct State {
        ready: bool,
    }
}

mod rename_all_unknown {
    use worsen::Store;

    #[derive(Store)]
    #[store(rename_all = "kebab-case")]
    struct State {
        is_ready: bool,
    }
}

mod rename_all_misspelled {
    use worsen::Store;

    #[derive(Store)]
    #[store(rename_all = "camelCase")]
    struct State {
        is_ready: bool,
    }
}

mod crate_not_a_path {
    use worsen::Store;

    #[derive(Store)]
    #[store(crate = ::worsen)]
    struct State {
        ready: bool,
    }
}

mod handle_is_a_keyword {
    use worsen::Store;

    #[derive(Store)]
    #[store(handle = Crate)]
    struct State {
        ready: bool,
    }
}

mod crate_is_self {
    use worsen::Store;

    #[derive(Store)]
    #[store(crate = ::worsen)]
    struct State {
        ready: bool,
    }
}
