use worsen::Store;

#[derive(Store)]
struct State {
    x: u32,
    set_x: bool,
}

fn main() {}
