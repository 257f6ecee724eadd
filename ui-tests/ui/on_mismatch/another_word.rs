use worsen::Store;

#[derive(Store)]
#[store(on_mismatch = "default")]
struct State {
    #[store(on_mismatch = "ignore")]
    port: u16,
}

fn main() {}
