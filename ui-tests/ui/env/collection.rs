use worsen::Store;

#[derive(Store)]
struct State {
    #[store(env = "AGES")]
    ages: worsen::Map<String, u32>,
}

fn main() {}
