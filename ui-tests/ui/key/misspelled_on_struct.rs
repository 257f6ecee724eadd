use worsen::Store;

#[derive(Store)]
#[store(nmae = "state", durabilty = Buffered, lock_time_out = "1s")]
struct State {
    ready: bool,
}

fn main() {}
