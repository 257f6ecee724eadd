//! The cases of `collection/` without their mistakes. Each module is the twin of the file with its name.

mod key_without_ord {
    use serde::{Deserialize, Serialize};
    use worsen::{Map, Store};

    #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    enum Colour {
        Red,
        Green,
    }

    #[derive(Store)]
    struct State {
        stock: Map<Colour, u32>,
    }

    fn _main() -> worsen::Result<()> {
        let store = State::open()?;
        let paint = |stock: &mut Map<Colour, u32>| stock.insert(Colour::Red, 7);
        let before = store.update_stock(paint).wait()?;
        assert_eq!(before, None);
        assert!(!store.stock().contains_key(&Colour::Green));
        Ok(())
    }
}

mod element_without_serde {
    use serde::{Deserialize, Serialize};
    use worsen::{Set, Store};

    #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    enum Colour {
        Red,
        Green,
    }

    #[derive(Store)]
    struct State {
        seen: Set<Colour>,
    }

    fn _main() -> worsen::Result<()> {
        let seen = State::open()?.seen();
        assert!(seen.contains(&Colour::Red) || seen.contains(&Colour::Green));
        Ok(())
    }
}

mod value_without_clone {
    use serde::{Deserialize, Serialize};
    use worsen::{Map, Store};

    #[derive(Clone, Serialize, Deserialize)]
    struct Price {
        cents: u32,
    }

    #[derive(Store)]
    struct State {
        prices: Map<String, Price>,
    }

    fn _main() -> worsen::Result<()> {
        let prices = State::open()?.prices();
        assert!(prices.values().all(|price| price.cents > 0));
        Ok(())
    }
}

mod item_without_serde {
    use serde::{Deserialize, Serialize};
    use worsen::{Queue, Store};

    #[derive(Clone, Serialize, Deserialize)]
    struct Job {
        task: String,
    }

    #[derive(Store)]
    struct State {
        jobs: Queue<Job>,
    }

    fn _main() -> worsen::Result<()> {
        let jobs = State::open()?.jobs();
        assert!(jobs.iter().all(|job| !job.task.is_empty()));
        Ok(())
    }
}
