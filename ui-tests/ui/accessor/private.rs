mod state {
    #[derive(worsen::Store)]
    pub struct State {
        ready: bool,
    }
}

fn ready(store: &state::StateStore) -> bool {
    store.ready()
}

fn main() {}
