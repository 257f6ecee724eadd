use worsen::Store;

#[derive(Store)]
struct State {
    #[store(alias = "port")]
    listen_port: u16,
    #[store(alias = "address", alias = "port")]
    peer: String,
}

fn main() {}
