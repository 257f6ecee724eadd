use worsen::Store;

#[derive(Store)]
struct State {
    #[store(on_mismatch = "seed", on_mismatch = "error")]
    port: u16,
}

fn main() {}
