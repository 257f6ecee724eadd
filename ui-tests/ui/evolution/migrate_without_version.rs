use worsen::Store;

#[derive(Store)]
#[store(migrate = to_newest)]
struct State {
    ready: bool,
}

fn to_newest(_store: &mut worsen::Raw<'_>, _from: u32) -> worsen::Result<()> {
    Ok(())
}

fn main() {}
