use worsen::Store;

#[derive(Store)]
#[store(rename_all = "camelcase")]
struct State {
    is_ready: bool,
}

fn main() {}
