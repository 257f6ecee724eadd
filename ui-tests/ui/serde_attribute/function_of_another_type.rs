use worsen::Store;

#[derive(Store)]
struct State {
    #[serde(default = "text")]
    count: u32,
}

fn text() -> String {
    String::new()
}

fn main() {}
