use worsen::Store;

#[derive(Store)]
struct State {
    #[store(uid = "app/ready")]
    ready: bool,
}

fn main() {}
