use worsen::Store;

#[derive(Store)]
struct State<T> {
    value: T,
}

fn main() {}
