//! The cases of `key/` without their mistakes. Each module is the twin of the file with its name.

mod misspelled_on_struct {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "state", durability = Buffered, lock_timeout = "1s")]
    struct State {
        ready: bool,
    }
}

mod misspelled_on_field {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(seed = true, uid = "Ready")]
        ready: bool,
    }
}

mod unknown_on_struct {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "red")]
    struct State {
        ready: bool,
    }
}

mod unknown_on_field {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(uid = "primary-key")]
        ready: bool,
    }
}

mod of_another_crate {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = "./db")]
    struct State {
        #[store(uid = "Ready", seed = true)]
        ready: bool,
    }
}

mod of_struct_on_field {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "Ready", poll = "1s")]
    struct State {
        ready: bool,
    }
}

mod of_field_on_struct {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(uid = "Ready")]
        ready: bool,
        #[store(skip)]
        cache: u32,
    }
}
