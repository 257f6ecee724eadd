use worsen::Store;

#[derive(Store)]
#[store(handle = State)]
struct State {
    ready: bool,
}

fn main() {}
