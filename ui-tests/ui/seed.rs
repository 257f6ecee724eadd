//! The cases of `seed/` without their mistakes. Each module is the twin of the file with its name.

mod wrong_type {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(seed = true)]
        ready: bool,
        #[store(seed = "unnamed".to_owned())]
        label: String,
    }
}

mod missing_without_default {
    use serde::{Deserialize, Serialize};
    use worsen::Store;

    #[derive(Clone, Serialize, Deserialize)]
    enum Power {
        On,
        Off,
    }

    #[derive(Store)]
    struct State {
        #[store(seed = Power::Off)]
        power: Power,
    }

    fn _power(store: &StateStore) -> bool {
        matches!(store.power(), Power::On)
    }
}

mod not_an_expression {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        #[store(seed = { 1 + 1 < 3 }, uid = "Ready")]
        ready: bool,
    }
}

mod unknown_name {
    use worsen::Store;

    const START: u32 = 7;

    #[derive(Store)]
    struct State {
        #[store(seed = START)]
        count: u32,
    }
}
