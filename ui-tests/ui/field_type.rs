//! The cases of `field_type/` without their mistakes. Each module is the twin of the file with its name.

mod no_serde {
    use serde::{Deserialize, Serialize};
    use worsen::Store;

    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Job;

    #[derive(Store)]
    struct State {
        job: Job,
    }

    fn _main() -> worsen::Result<()> {
        let store = State::open()?;
        let job = store.job();
        store.set_job(job).wait()
    }
}

mod no_serialize {
    use serde::{Deserialize, Serialize};
    use worsen::Store;

    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Job;

    #[derive(Store)]
    struct State {
        jobs: Vec<Job>,
    }
}

mod no_deserialize {
    use serde::{Deserialize, Serialize};
    use worsen::Store;

    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Job;

    #[derive(Store)]
    struct State {
        job: Job,
    }
}

mod no_clone {
    use serde::{Deserialize, Serialize};
    use worsen::Store;

    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Job;

    #[derive(Store)]
    struct State {
        job: Job,
    }
}

mod not_thread_safe {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        label: String,
    }
}

mod borrowed {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        label: String,
    }
}

mod unknown {
    use serde::{Deserialize, Serialize};
    use worsen::Store;

    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Job;

    #[derive(Store)]
    struct State {
        job: Job,
    }
}

mod parameter_without_bounds {
    use worsen::Store;

    #[derive(Store)]
    struct State<T: worsen::Field + Default> {
        value: T,
    }
}

mod of_another_crate {
    use std::cmp::Ordering;

    use worsen::Store;

    /// For `#[store(with = ...)]`.
    mod as_number {
        use std::cmp::Ordering;

        use serde::{Deserialize, Deserializer, Serializer};

        pub(super) fn serialize<S: Serializer>(order: &Ordering, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_i8(*order as i8)
        }

        pub(super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Ordering, D::Error> {
            i8::deserialize(from).map(|number| number.cmp(&0))
        }
    }

    /// A newtype.
    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    struct Sorted(#[serde(with = "as_number")] Ordering);

    #[derive(Store)]
    struct State {
        #[store(seed = Ordering::Less, with = as_number)]
        by_name: Ordering,
        #[store(seed = Sorted(Ordering::Less))]
        by_age: Sorted,
    }
}

mod of_another_crate_by_uid {
    use std::cmp::Ordering;

    use serde::{Deserialize, Serialize};
    use worsen::{Options, PersistentStore};

    #[allow(dead_code, reason = "serde calls its functions")]
    #[derive(Clone, Serialize, Deserialize)]
    #[serde(remote = "Ordering")]
    enum AsName {
        Less,
        Equal,
        Greater,
    }

    /// A newtype.
    #[allow(dead_code, reason = "serde calls its functions")]
    #[derive(Clone, Serialize, Deserialize)]
    struct Sorted(#[serde(with = "AsName")] Ordering);

    fn sort() -> worsen::Result<()> {
        let store = PersistentStore::<Sorted>::new("columns", Options::default())?;
        store.write("name", Sorted(Ordering::Greater)).wait()
    }

    const _: fn() -> worsen::Result<()> = sort;
}

mod without_a_size {
    use worsen::Store;

    #[derive(Store)]
    struct State {
        shape: Shape,
    }

    #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
    enum Shape {
        #[default]
        Point,
        Circle(f64),
    }

    #[derive(Store)]
    struct Words {
        words: String,
    }

    #[derive(Store)]
    struct Bytes {
        bytes: Vec<u8>,
    }
}
