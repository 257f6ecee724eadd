use worsen::Store;

#[derive(Clone, Default)]
struct Job;

#[derive(Store)]
struct State {
    job: Job,
}

fn main() -> worsen::Result<()> {
    let store = State::open()?;
    let job = store.job();
    store.set_job(job).wait()
}
