//! The cases of `skip/` without their mistakes. Each module is the twin of the file with its name.

mod with_other_keys {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
        #[store(skip)]
        a: u32,
        #[store(seed = 1)]
        b: u32,
        #[store(skip)]
        c: u32,
        #[store(accessor = "cached")]
        d: u32,
    }
}

mod value {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
        #[store(skip)]
        cache: u32,
    }
}

mod no_default {
    use worsen::Store;

    #[derive(Clone, Default)]
    struct Cache;

    #[derive(Store)]
    struct State {
        ready: bool,
        #[store(skip)]
        cache: Cache,
    }
}

mod no_clone {
    use worsen::Store;

    #[derive(Clone, Default)]
    struct Cache;

    #[derive(Store)]
    struct State {
        ready: bool,
        #[store(skip)]
        cache: Cache,
    }
}

mod no_accessors {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
        cache: u32,
    }

    fn _forget(store: &StateStore) {
        store.set_cache(0).detach();
    }
}
