use worsen::Store;

struct State {
    ready: bool,
}

fn main() {
    let _ = State { ready: true }.ready;
    let _ = <State as Store>::open();
}
