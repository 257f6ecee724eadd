use worsen::Store;

#[derive(Store)]
#[store(handle = crate::Switches)]
struct State {
    ready: bool,
}

fn main() {}
