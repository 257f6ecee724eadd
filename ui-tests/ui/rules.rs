//! The cases of `rules/` without their mistakes. Each module is the twin of the file with its name.

mod another_type {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(seed = 80, range = 1..=65535)]
        port: u16,
        #[store(range = 0..1)]
        share: Option<u32>,
        #[store(seed = "light".into(), one_of = ["light", "dark"])]
        theme: String,
    }
}

mod not_a_range {
    use worsen::Store;

    fn check(_: &u32) -> Result<(), String> {
        Ok(())
    }

    #[derive(Store)]
    struct State {
        #[store(range = ..=65534)]
        port: u16,
        #[store(len = ..=80)]
        name: String,
        #[store(one_of = ["", "light"])]
        theme: String,
        #[store(validate = check)]
        count: u32,
    }
}

mod holds_nothing {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(range = 1..=10, seed = 1)]
        a: u8,
        #[store(range = 5..=5, seed = 5)]
        b: u8,
        #[store(range = ..5)]
        c: u8,
        #[store(len = 2..=3, seed = "ab".into())]
        d: String,
        #[store(one_of = [""])]
        e: String,
    }
}

mod seed_outside {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(seed = 80, range = 1..=65535)]
        port: u16,
        #[store(seed = 1, range = 1..)]
        workers: u32,
        #[store(seed = -7, range = -7..=7)]
        offset: i8,
    }
}

mod no_length {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(range = ..=80)]
        port: u16,
    }
}

mod no_order {
    use worsen::Store;

    #[derive(Clone, Default, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize)]
    struct Level(u8);

    #[derive(Store)]
    struct State {
        #[store(range = Level(0)..=Level(9))]
        level: Level,
    }
}

mod functions {
    use worsen::Store;

    fn is_good(port: &u16) -> Result<(), &'static str> {
        match *port > 0 {
            true => Ok(()),
            false => Err("choose another port"),
        }
    }

    fn check(_: &str) -> Result<(), String> {
        Ok(())
    }

    fn clamp(volume: &mut u8) {
        *volume = (*volume).min(100);
    }

    #[derive(Store)]
    struct State {
        #[store(seed = 80, validate = is_good)]
        port: u16,
        #[store(validate = check)]
        name: String,
        #[store(normalize = clamp)]
        volume: u8,
    }
}

mod of_the_struct {
    use worsen::Store;

    fn check(state: &State) -> Result<(), String> {
        match state.low {
            0..=2 => Ok(()),
            _ => Err("too much".into()),
        }
    }

    #[derive(Store)]
    #[store(validate = check)]
    struct State {
        #[store(range = ..=2)]
        low: u32,
    }
}

mod skipped {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
        #[store(skip)]
        cache: u32,
    }
}
