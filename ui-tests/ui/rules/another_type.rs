use worsen::Store;

#[derive(Store)]
struct State {
    #[store(seed = 80, range = "1"..="65535")]
    port: u16,
    #[store(range = 0.0..1.0)]
    share: Option<u32>,
    #[store(one_of = [1, 2])]
    theme: String,
}

fn main() {}
