use worsen::Store;

#[derive(Store)]
struct State {
    #[store(range = 65535)]
    port: u16,
    #[store(len = 80)]
    name: String,
    #[store(one_of = "light")]
    theme: String,
    #[store(validate = 7)]
    count: u32,
}

fn main() {}
