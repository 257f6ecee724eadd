use worsen::Store;

#[derive(Store)]
#[store(rename_all = "Train-Case")]
struct State {
    is_ready: bool,
}

fn main() {}
