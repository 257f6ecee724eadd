//! The cases of `serde_attribute/` as they should be. Each module is the twin of the file of its name.

mod on_field {
    use worsen::Store;

    use super::super::codec;

    #[derive(Store)]
    struct State {
        #[store(uid = "Ready")]
        ready: bool,
        #[store(seed = true)]
        steady: bool,
        #[store(skip)]
        cache: u32,
        #[store(with = "codec")]
        bytes: Vec<u8>,
        rest: u32,
    }
}

mod on_struct {
    use worsen::Store;

    #[derive(Store)]
    #[store(rename_all = "camelCase")]
    struct State {
        is_ready: bool,
    }
}

mod without_keys {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
    }
}
