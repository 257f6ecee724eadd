use worsen::Store;

#[derive(Store)]
struct State {
    ready: bool,
    #[store(skip, range = 1..=2, len = ..=80, one_of = [1], validate = check, normalize = check)]
    cache: u32,
}

fn main() {}
