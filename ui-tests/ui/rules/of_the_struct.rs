use worsen::Store;

fn check(_: &u32) -> Result<(), String> {
    Ok(())
}

#[derive(Store)]
#[store(range = 1..=2, validate = check)]
struct State {
    low: u32,
}

fn main() {}
