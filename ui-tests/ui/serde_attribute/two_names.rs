use worsen::Store;

#[derive(Store)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
struct State {
    is_ready: bool,
    #[serde(rename(serialize = "Steady"))]
    steady: bool,
}

fn main() {}
