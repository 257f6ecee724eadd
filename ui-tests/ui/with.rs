//! The cases of `with/` without their mistakes. Each module is the twin of the file with its name.

mod module_missing {
    use worsen::Store;

    use super::super::codec;

    #[derive(Store)]
    struct State {
        #[store(with = codec)]
        bytes: Vec<u8>,
    }
}

mod serialize_missing {
    use worsen::Store;

    use super::super::codec;

    #[derive(Store)]
    struct State {
        #[store(with = codec)]
        bytes: Vec<u8>,
    }
}

mod deserialize_missing {
    use worsen::Store;

    use super::super::codec;

    #[derive(Store)]
    struct State {
        #[store(with = "codec")]
        bytes: Vec<u8>,
    }
}

mod not_a_path {
    use worsen::Store;

    use super::super::codec;

    #[derive(Store)]
    struct State {
        #[store(with = "codec")]
        bytes: Vec<u8>,
        #[store(with = codec)]
        more: Vec<u8>,
    }
}

mod other_type {
    use worsen::Store;

    use super::super::codec;

    #[derive(Store)]
    struct State {
        #[store(with = codec)]
        bytes: Vec<u8>,
    }
}

mod no_clone {
    use worsen::Store;

    mod codec {
        pub(super) fn serialize<S: serde::Serializer>(
            _: &super::Job,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            to.serialize_unit()
        }

        pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
            from: D,
        ) -> Result<super::Job, D::Error> {
            <() as serde::Deserialize>::deserialize(from)?;
            Ok(super::Job)
        }
    }

    #[derive(Clone, Default)]
    struct Job;

    #[derive(Store)]
    struct State {
        #[store(with = codec)]
        job: Job,
    }
}
