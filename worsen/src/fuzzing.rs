//! What `worsen/fuzz` reaches of the pure functions: what must hold of them, asked of one input. Built for fuzzing
//! and for unit tests alone.

use crate::backend::file::{format::properties, recovery};

/// Bytes as a log, and each of its lines.
///
/// # Panics
///
/// When something does not hold.
pub fn record(input: &[u8]) {
    properties::check_record(input);
}

/// Bytes as the log and the backup of a store.
///
/// # Panics
///
/// When something does not hold.
pub fn recovery_plan(input: &[u8]) {
    recovery::properties::check_recovery_plan(input);
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// The inputs that fuzzing begins with, among them those that once showed a mistake.
    fn for_each_seed(target: &str, check: fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
        let mut count = 0;
        for seed in fs::read_dir(seeds.join(target)).unwrap() {
            check(&fs::read(seed.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 9, "{target} has {count} seeds");
    }

    #[test]
    fn what_is_asked_of_a_line_holds_for_every_seed() {
        for_each_seed("record", super::record);
    }

    #[test]
    fn what_is_asked_of_a_plan_holds_for_every_seed() {
        for_each_seed("recovery_plan", super::recovery_plan);
    }
}
