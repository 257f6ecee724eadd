use worsen::Store;

mod codec {
    pub fn serialize<S: serde::Serializer>(_: &super::Job, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<super::Job, D::Error> {
        <() as serde::Deserialize>::deserialize(from)?;
        Ok(super::Job)
    }
}

#[derive(Default)]
struct Job;

#[derive(Store)]
struct State {
    #[store(with = codec)]
    job: Job,
}

fn main() {}
