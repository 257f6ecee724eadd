use worsen::Store;

#[derive(Store)]
struct State {
    #[store(uid = "steady")]
    ready: bool,
    steady: bool,
}

fn main() {}
