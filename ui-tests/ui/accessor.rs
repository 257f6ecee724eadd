//! The cases of `accessor/` without their mistakes. Each module is the twin of the file with its name.

mod hides_a_handle_method {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(accessor = "last_snapshot")]
        snapshot: u32,
        #[store(accessor = "home")]
        path: String,
        #[store(accessor = "needs_update")]
        update: bool,
    }
}

mod chosen_name_hides_a_handle_method {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(accessor = "wrist_watch")]
        clock: u32,
    }
}

mod setter_of_another_field {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        x: u32,
        #[store(accessor = "x_is_set")]
        set_x: bool,
    }
}

mod name_of_another_field {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
        #[store(accessor = "steady_now")]
        steady: bool,
    }
}

mod not_a_method_name {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(accessor = "is_ready")]
        ready: bool,
        steady: bool,
        #[store(accessor = "match")]
        go: bool,
    }
}

mod without_quotes {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(accessor = "is_ready")]
        ready: bool,
    }

    fn _is_ready(store: &StateStore) -> bool {
        store.is_ready()
    }
}

mod private {
    mod state {
        #[derive(worsen::Store)]
        #[store(accessors = pub(crate))]
        pub(crate) struct State {
            ready: bool,
        }
    }

    fn _ready(store: &state::StateStore) -> bool {
        store.ready()
    }
}

mod blank_behind_the_name {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(accessor = "is_ready")]
        ready: bool,
    }
}

mod named_as_a_function_of_the_struct {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(accessor = "is_open")]
        open: bool,
        compact: bool,
    }
}
