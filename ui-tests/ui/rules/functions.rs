use worsen::Store;

fn is_good(port: &u16) -> bool {
    *port > 0
}

fn check(_: &u16) -> Result<(), String> {
    Ok(())
}

fn clamp(volume: u8) -> u8 {
    volume.min(100)
}

fn half(volume: &mut u8) -> u8 {
    *volume / 2
}

#[derive(Store)]
struct State {
    #[store(validate = is_good)]
    port: u16,
    #[store(validate = check)]
    name: String,
    #[store(normalize = clamp)]
    volume: u8,
    #[store(normalize = half)]
    half: u8,
    #[store(validate = missing)]
    last: u8,
}

fn main() {}
