//! The cases of `many/` without their mistakes. Each module is the twin of the file with its name.

mod independent_mistakes_are_told_at_once {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "b", dir = "a", poll = "1s", lock_timeout = "1s")]
    struct State {
        first: bool,
        #[store(seed = 1, uid = "2")]
        second: u32,
        #[store(seed = 3)]
        third: u32,
        #[store(uid = "4th")]
        fourth: u32,
        #[store(accessor = "fourth_is_set")]
        set_fourth: u32,
    }
}

mod the_rest_of_the_program_is_not_wrong {
    use worsen::Store;

    #[derive(Store)]
    #[store(name = "1", dir = ".", poll = "1s", durability = Synced)]
    struct State {
        #[store(uid = "a.b", seed = true)]
        first: bool,
        second: u32,
        third: Vec<String>,
    }

    fn _main() -> worsen::Result<()> {
        let store: StateStore = State::builder().name("state").open()?;
        store.set_first(!store.first()).wait()?;
        store
            .update_third(|third| third.push(String::new()))
            .wait()?;
        let _: u32 = store.clone().second();
        let _ = store.watch_third();
        println!("{}", store.snapshot().third.len());
        Ok(())
    }
}
