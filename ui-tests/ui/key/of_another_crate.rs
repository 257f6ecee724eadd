use worsen::Store;

#[derive(Store)]
#[store(path = "./db")]
struct State {
    #[store(rename = "Ready", default = true)]
    ready: bool,
}

fn main() {}
