use worsen::Store;

#[derive(Store)]
#[store(name, poll = "1s", dir)]
struct State {
    #[store(uid, seed)]
    ready: bool,
}

fn main() {}
