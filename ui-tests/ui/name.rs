//! The cases of `name/` without their mistakes. Each module is the twin of the file with its name.

mod not_a_string {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state")]
    struct State {
        ready: bool,
    }
}

mod empty {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
    }
}

mod separator {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = "db", name = "state")]
    struct State {
        ready: bool,
    }
}

mod backslash {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = "db", name = "state")]
    struct State {
        ready: bool,
    }
}

mod parent_directory {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = "..")]
    struct State {
        ready: bool,
    }
}

mod hidden {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state.v1")]
    struct State {
        ready: bool,
    }
}

mod nul {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state")]
    struct State {
        ready: bool,
    }
}

mod drive_letter {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "C-state")]
    struct State {
        ready: bool,
    }
}

mod blank_at_the_end {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "my state")]
    struct State {
        ready: bool,
    }
}
