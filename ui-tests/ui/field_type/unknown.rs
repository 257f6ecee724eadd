use worsen::Store;

#[derive(Store)]
struct State {
    job: Job,
}

fn main() {}
