use worsen::Store;

#[derive(Store)]
#[store(handle = "Switches")]
struct State {
    ready: bool,
}

fn ready(switches: &Switches) -> bool {
    switches.ready()
}

fn main() {}
