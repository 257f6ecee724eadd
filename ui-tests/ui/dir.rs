//! The cases of `dir/` without their mistakes. Each module is the twin of the file with its name.

mod empty {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = ".")]
    struct State {
        ready: bool,
    }
}

mod number {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = "7")]
    struct State {
        ready: bool,
    }
}

mod nul {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = "a/b")]
    struct State {
        ready: bool,
    }
}

mod not_a_path {
    use worsen::Store;

    fn directory() -> std::path::PathBuf {
        std::env::temp_dir().join("state")
    }

    #[derive(Store)]
    #[store(dir = directory())]
    struct State {
        ready: bool,
    }
}

mod app_with_two_parts {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = app("com", "Example", "Notes"))]
    struct State {
        ready: bool,
    }
}

mod app_not_literal {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = app("com", "Example", "Notes"))]
    struct State {
        ready: bool,
    }
}

mod app_without_name {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = app("", "", "Notes"))]
    struct State {
        ready: bool,
    }
}

mod app_with_separator {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = app("com", "Example", "Notes"))]
    struct State {
        ready: bool,
    }
}

mod config_without_name {
    use worsen::Store;

    #[derive(Store)]
    #[store(dir = config("com", "Example", "Notes"))]
    struct State {
        ready: bool,
    }
}
