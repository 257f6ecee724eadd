use worsen::Store;

#[derive(Store)]
#[store(env_prefix = "APP_")]
struct State {
    #[store(env)]
    port: u16,
    #[store(env = "APP_PORT")]
    admin_port: u16,
}

fn main() {}
