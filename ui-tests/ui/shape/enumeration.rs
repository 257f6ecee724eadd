use worsen::Store;

#[derive(Store)]
enum State {
    On,
    Off,
}

fn main() {
    let _ = State::open();
}
