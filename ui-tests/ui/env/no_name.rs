use worsen::Store;

#[derive(Store)]
struct State {
    #[store(env)]
    port: u16,
    #[store(env = "")]
    title: String,
    #[store(env = "A=B")]
    theme: String,
    #[store(env = 7)]
    count: u32,
}

fn main() {}
