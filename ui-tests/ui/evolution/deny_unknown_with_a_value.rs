use worsen::Store;

#[derive(Store)]
#[store(deny_unknown = true)]
struct State {
    port: u16,
}

fn main() {}
