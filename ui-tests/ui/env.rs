//! The cases of `env/` without their mistakes. Each module is the twin of the file with its name.

mod no_name {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(env = "PORT")]
        port: u16,
        #[store(env = "TITLE")]
        title: String,
        #[store(env = "A_B")]
        theme: String,
        #[store(env = "COUNT")]
        count: u32,
    }
}

mod prefix_alone {
    use worsen::Store;

    #[derive(Store)]
    #[store(env_prefix = "APP_")]
    struct State {
        #[store(env)]
        port: u16,
    }
}

mod twice {
    use worsen::Store;

    #[derive(Store)]
    #[store(env_prefix = "APP_")]
    struct State {
        #[store(env)]
        port: u16,
        #[store(env)]
        admin_port: u16,
    }
}

mod collection {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(env = "AGES")]
        ages: std::collections::BTreeMap<String, u32>,
    }
}

mod skipped {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
        #[store(env = "CACHE")]
        cache: u32,
    }
}
