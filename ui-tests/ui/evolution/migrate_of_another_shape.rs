use worsen::Store;

#[derive(Store)]
#[store(version = 2, migrate = to_newest)]
struct State {
    ready: bool,
}

fn to_newest(_store: &mut worsen::Raw<'_>) -> worsen::Result<()> {
    Ok(())
}

fn main() {}
