//! Chance that can be repeated.

/// A little generator (splitmix64), so that a failing test can be run again with its seed.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// Seeded by `WORSEN_TEST_SEED`, or by the clock; says which.
    pub fn seeded(test: &str) -> Random {
        let seed = std::env::var("WORSEN_TEST_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                now.map_or(0, |now| now.as_nanos() as u64)
            });
        println!("{test}: WORSEN_TEST_SEED={seed}");
        Random(seed)
    }

    /// A number from 0 to below the bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
