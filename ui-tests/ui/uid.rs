//! The cases of `uid/` without their mistakes. Each module is the twin of the file with its name.

mod empty {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
    }
}

mod slash {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(uid = "app.ready")]
        ready: bool,
    }
}

mod control_character {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(uid = "app ready")]
        ready: bool,
    }
}

mod not_a_string {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(uid = "1")]
        ready: bool,
    }
}

mod twice {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(uid = "Ready")]
        ready: bool,
        #[store(uid = "Steady")]
        steady: bool,
    }
}

mod same_as_a_field {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(uid = "steady")]
        ready: bool,
        #[store(uid = "go")]
        steady: bool,
    }
}

mod twice_by_rename_all {
    use worsen::Store;

    #[derive(Store)]
    #[store(rename_all = "camelCase")]
    struct State {
        is_ready: bool,
        was_ready: bool,
    }
}
