use worsen::Store;

#[derive(Store)]
#[store(name = 1, dir = "", poll = "x", durability = None)]
struct State {
    #[store(uid = "a/b", seed = )]
    first: bool,
    #[store(with = 1)]
    second: u32,
    third: Vec<String>,
}

fn main() -> worsen::Result<()> {
    let store: StateStore = State::builder().name("state").open()?;
    store.set_first(!store.first()).wait()?;
    store.update_third(|third| third.push(String::new())).wait()?;
    let _: u32 = store.clone().second();
    let _ = store.watch_third();
    println!("{}", store.snapshot().third.len());
    Ok(())
}
