use worsen::Store;

#[derive(Store)]
#[store(deny_unknown_fields, migration = f)]
struct State {
    #[store(renamed_from = "old")]
    port: u16,
}

fn main() {}
