use worsen::Store;

#[derive(Store)]
struct State {
    port: u16,
    #[store(skip, on_mismatch = "seed")]
    attempts: u32,
}

fn main() {}
