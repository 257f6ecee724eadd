//! The cases of `shape/` without their mistakes. Each module is the twin of the file with its name.

mod enumeration {
    use serde::{Deserialize, Serialize};
    use worsen::Store;

    #[derive(Clone, Default, Serialize, Deserialize)]
    enum Power {
        On,
        #[default]
        Off,
    }

    #[derive(Store)]
    struct State {
        power: Power,
    }
}

mod union {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        number: u32,
        bytes: [u8; 4],
    }
}

mod tuple_struct {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        count: u32,
        label: String,
    }
}

mod unit_struct {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
    }
}

mod no_fields {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
    }
}

mod every_field_skipped {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(skip)]
        cache: u32,
        more: u32,
    }
}

mod lifetime {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        label: String,
    }
}

mod two_lifetimes {
    use worsen::Store;

    #[derive(Store)]
    struct State<T: worsen::Field + Default> {
        label: String,
        other: String,
        value: T,
    }
}

mod derive_missing {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        ready: bool,
    }

    fn _open() -> worsen::Result<StateStore> {
        <State as Store>::open()
    }
}
