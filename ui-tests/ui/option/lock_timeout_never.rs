use worsen::Store;

#[derive(Store)]
#[store(lock_timeout = "never")]
struct State {
    ready: bool,
}

fn main() {}
