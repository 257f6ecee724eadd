use worsen::Store;

#[derive(Store)]
struct State {
    #[store(uid = "app\nready")]
    ready: bool,
}

fn main() {}
