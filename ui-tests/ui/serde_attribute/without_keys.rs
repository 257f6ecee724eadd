use worsen::Store;

#[derive(Store)]
struct State {
    #[serde]
    ready: bool,
}

fn main() {}
