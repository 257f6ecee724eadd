use worsen::Store;

#[derive(Store)]
struct State<'a> {
    label: &'a str,
}

fn main() {}
