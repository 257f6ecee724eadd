use worsen::Store;

#[derive(Store)]
struct State {
    #[store(alias = old)]
    port: u16,
}

fn main() {}
