use worsen::Store;

#[derive(Store)]
struct State {
    #[store(primary_key)]
    ready: bool,
}

fn main() {}
