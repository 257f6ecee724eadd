use worsen::Store;

#[derive(Store)]
struct State {
    port: u16,
    #[store(alias = "port")]
    listen_port: u16,
}

fn main() {}
