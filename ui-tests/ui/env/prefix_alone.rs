use worsen::Store;

#[derive(Store)]
#[store(env_prefix = "APP_")]
struct State {
    #[store(env = "APP_PORT")]
    port: u16,
}

fn main() {}
