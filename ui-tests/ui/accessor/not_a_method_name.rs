use worsen::Store;

#[derive(Store)]
struct State {
    #[store(accessor = "is ready?")]
    ready: bool,
    #[store(accessor = "")]
    steady: bool,
    #[store(accessor = "self")]
    go: bool,
}

fn main() {}
