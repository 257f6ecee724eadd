use worsen::Store;

#[derive(Store)]
struct State {
    ready: bool,
    #[store(skip, uid = "Cache")]
    a: u32,
    #[store(skip, seed = 1)]
    b: u32,
    #[store(with = codec, skip)]
    c: u32,
    #[store(skip, accessor = "cached")]
    d: u32,
}

fn main() {}
