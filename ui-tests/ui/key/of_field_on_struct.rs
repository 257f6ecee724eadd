use worsen::Store;

#[derive(Store)]
#[store(uid = "Ready", skip)]
struct State {
    ready: bool,
    cache: u32,
}

fn main() {}
