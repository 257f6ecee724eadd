use worsen::Store;

#[derive(Store)]
struct State {
    snapshot: u32,
    path: String,
    update: bool,
}

fn main() {}
