use worsen::Store;

#[derive(Store)]
struct State {
    #[store(uid = "Ready")]
    ready: bool,
    #[store(uid = "Ready")]
    steady: bool,
}

fn main() {}
