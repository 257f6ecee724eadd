use worsen::Store;

#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
struct Level(u8);

#[derive(Store)]
struct State {
    #[store(range = Level(0)..=Level(9))]
    level: Level,
}

fn main() {}
