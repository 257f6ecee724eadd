//! The cases of `attribute/` without their mistakes. Each module is the twin of the file with its name.

mod no_parentheses {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state")]
    struct State {
        #[store(seed = true)]
        ready: bool,
    }
}

mod equals_sign {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state")]
    struct State {
        ready: bool,
    }
}

mod positional_literal {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state", dir = "./db")]
    struct State {
        #[store(uid = "Ready")]
        ready: bool,
    }
}

mod bare_key {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state", poll = "1s", dir = "./db")]
    struct State {
        #[store(uid = "Ready", seed = true)]
        ready: bool,
    }
}

mod value_in_parentheses {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state", poll = "1s")]
    struct State {
        ready: bool,
    }
}

mod value_missing_after_equals {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state", poll = "1s")]
    struct State {
        #[store(seed = true)]
        ready: bool,
    }
}

mod comma_missing {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state", poll = "1s")]
    struct State {
        ready: bool,
    }
}

mod key_twice {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state")]
    struct State {
        #[store(seed = true)]
        ready: bool,
    }
}

mod not_a_key {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state")]
    struct State {
        ready: bool,
    }
}
