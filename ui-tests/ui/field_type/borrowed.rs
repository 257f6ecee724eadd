use worsen::Store;

#[derive(Store)]
struct State {
    label: &'static str,
}

fn main() {}
