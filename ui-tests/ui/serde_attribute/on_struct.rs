use worsen::Store;

#[derive(Store)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct State {
    is_ready: bool,
}

fn main() {}
