//! The cases of `handle/` without their mistakes. Each module is the twin of the file with its name.

mod commit_not_awaited {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
    }

    fn _set(store: &StateStore) {
        store.set_ready(true).detach();
    }
}

mod value_of_another_type {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        count: u32,
    }

    fn _count(store: &StateStore) -> worsen::Result<()> {
        store.set_count(1).wait()?;
        store.update_count(|count| *count += 1).wait()
    }
}

mod closure_that_borrows {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        count: u32,
    }

    fn _count(store: &StateStore) -> worsen::Result<()> {
        let step = 2;
        store.update_count(move |count| *count += step).wait()
    }
}
