//! The cases of `work_queue/` without their mistakes. Each module is the twin of the file with its name.

mod job_without_serialize {
    use serde::{Deserialize, Serialize};
    use worsen::{Store, WorkQueue};

    #[derive(Serialize, Deserialize)]
    struct Job;

    #[derive(Store)]
    struct State {
        jobs: WorkQueue<Job>,
    }
}

mod field_of_another_type {
    use worsen::{Store, WorkQueue};

    #[derive(Store)]
    struct State {
        jobs: WorkQueue<String>,
    }

    fn _push(store: &StateStore) -> worsen::Result<u64> {
        let work = store.work(|state| &state.jobs);
        work.push("mail".into()).wait()
    }
}

mod queue_chosen_at_run_time {
    use worsen::{Store, WorkQueue};

    #[derive(Store)]
    struct State {
        urgent: WorkQueue<String>,
        other: WorkQueue<String>,
    }

    fn _push(store: &StateStore, is_urgent: bool) -> worsen::Result<u64> {
        let (urgent, other) = (
            store.work(|state| &state.urgent),
            store.work(|state| &state.other),
        );
        let work = if is_urgent { urgent } else { other };
        work.push("mail".into()).wait()
    }
}
