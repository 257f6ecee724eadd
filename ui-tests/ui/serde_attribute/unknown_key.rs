use worsen::Store;

#[derive(Store)]
#[serde(renameall = "camelCase")]
struct State {
    #[serde(defualt)]
    is_ready: bool,
    #[serde(rename = Ready)]
    steady: bool,
    #[serde(with = "no path")]
    go: bool,
}

fn main() {}
