use worsen::Store;

#[derive(Store)]
struct State<'a, 'b: 'a, T> {
    label: &'a str,
    other: &'b str,
    value: T,
}

fn main() {}
