use worsen::Store;

#[derive(Store)]
struct State {
    #[store(uid = "")]
    ready: bool,
}

fn main() {}
