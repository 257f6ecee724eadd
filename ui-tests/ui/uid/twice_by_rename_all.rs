use worsen::Store;

#[derive(Store)]
#[store(rename_all = "camelCase")]
struct State {
    is_ready: bool,
    #[store(uid = "isReady")]
    was_ready: bool,
}

fn main() {}
