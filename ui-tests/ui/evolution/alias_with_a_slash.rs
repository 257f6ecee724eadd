use worsen::Store;

#[derive(Store)]
struct State {
    #[store(alias = "net/port")]
    port: u16,
}

fn main() {}
