use worsen::Store;

#[derive(Store)]
struct State {
    #[store(len = ..=80)]
    port: u16,
}

fn main() {}
