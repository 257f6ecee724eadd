use worsen::Store;

#[derive(Store)]
struct State {
    #[store(seed = 0, range = 1..=65535)]
    port: u16,
    #[store(range = 1..)]
    workers: u32,
    #[store(seed = -8, range = -7..=7)]
    offset: i8,
}

fn main() {}
