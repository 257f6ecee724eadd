use worsen::Store;

#[derive(Store)]
struct State {
    #[store(alias = "port")]
    port: u16,
}

fn main() {}
