use worsen::Store;

#[derive(Store)]
#[store]
struct State {
    #[store]
    ready: bool,
}

fn main() {}
