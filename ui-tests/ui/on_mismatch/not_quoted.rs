use worsen::Store;

#[derive(Store)]
#[store(on_mismatch = error)]
struct State {
    #[store(on_mismatch = seed)]
    port: u16,
    #[store(on_mismatch)]
    host: String,
}

fn main() {}
