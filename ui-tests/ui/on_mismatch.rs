//! The cases of `on_mismatch/` without their mistakes. Each module is the twin of the file with its name.

mod another_word {
    use worsen::Store;

    #[derive(Store)]
    #[store(on_mismatch = "seed")]
    struct State {
        #[store(on_mismatch = "error")]
        port: u16,
    }
}

mod not_quoted {
    use worsen::Store;

    #[derive(Store)]
    #[store(on_mismatch = "error")]
    struct State {
        #[store(on_mismatch = "seed")]
        port: u16,
        #[store(on_mismatch = r"seed")]
        host: String,
    }
}

mod on_a_skipped_field {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(on_mismatch = "seed")]
        port: u16,
        #[store(skip)]
        attempts: u32,
    }
}

mod twice {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(on_mismatch = "seed")]
        port: u16,
    }
}
