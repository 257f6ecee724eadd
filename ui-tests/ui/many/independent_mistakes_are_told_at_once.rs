use worsen::Store;

#[derive(Store)]
#[store(name = "a/b", poll = "0s", lock_timeout = "soon", colour = "red")]
struct State {
    #[store(uid = "")]
    first: bool,
    #[store(seed = "one", uid = 2)]
    second: u32,
    #[store(seeds = 3)]
    third: u32,
    #[serde(rename = "4th")]
    fourth: u32,
    set_fourth: u32,
}

fn main() {}
