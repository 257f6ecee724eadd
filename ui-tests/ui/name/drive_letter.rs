use worsen::Store;

#[derive(Store)]
#[store(name = "C:state")]
struct State {
    ready: bool,
}

fn main() {}
