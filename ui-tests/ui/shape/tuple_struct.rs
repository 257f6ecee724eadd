use worsen::Store;

#[derive(Store)]
struct State(u32, String);

fn main() {
    let _ = State::open();
}
