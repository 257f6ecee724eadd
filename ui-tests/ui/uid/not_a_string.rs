use worsen::Store;

#[derive(Store)]
struct State {
    #[store(uid = 1)]
    ready: bool,
}

fn main() {}
