use worsen::Store;

#[derive(Store)]
#[store(name = "..")]
struct State {
    ready: bool,
}

fn main() {}
