use worsen::Store;

#[derive(Store)]
#[store(version = 2, migrate = |_, _| Ok(()))]
struct State {
    ready: bool,
}

fn main() {}
