//! The numbers of the page, each in one atomic word. They stand there least significant byte first,
//! whatever the order of the machine: a directory may be carried to another kind of machine, and
//! programs for two kinds of machine may run on one. Never here: what a number means.

use crate::loom::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{self, Relaxed},
};

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $atomic:ident, $number:ident) => {
        $(#[$doc])*
        #[repr(transparent)]
        pub(super) struct $name(pub(super) $atomic);

        impl $name {
            #[cfg(any(test, feature = "testing"))]
            pub(super) fn new(number: $number) -> Self {
                $name($atomic::new(number.to_le()))
            }

            #[inline]
            pub(super) fn load(&self, order: Ordering) -> $number {
                $number::from_le(self.0.load(order))
            }

            pub(super) fn store(&self, number: $number, order: Ordering) {
                self.0.store(number.to_le(), order);
            }

            pub(super) fn compare_exchange(
                &self,
                there: $number,
                new: $number,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$number, $number> {
                self.0
                    .compare_exchange(there.to_le(), new.to_le(), success, failure)
                    .map($number::from_le)
                    .map_err($number::from_le)
            }

            /// Changes it, however often others change it meanwhile. Returns what was there.
            #[cfg_attr(
                target_endian = "little",
                allow(dead_code, reason = "such a machine has one instruction for it")
            )]
            pub(super) fn change(
                &self,
                order: Ordering,
                mut to: impl FnMut($number) -> $number,
            ) -> $number {
                let mut there = self.load(Relaxed);
                loop {
                    match self.compare_exchange(there, to(there), order, Relaxed) {
                        Ok(before) => return before,
                        Err(now) => there = now,
                    }
                }
            }
        }
    };
}

word!(
    /// One of eight bytes.
    Word64, AtomicU64, u64
);
word!(
    /// One of four bytes, such as a futex.
    Word32, AtomicU32, u32
);

impl Word64 {
    pub(super) fn fetch_max(&self, number: u64, order: Ordering) -> u64 {
        #[cfg(target_endian = "little")]
        return self.0.fetch_max(number, order);
        #[cfg(target_endian = "big")]
        self.change(order, |there| there.max(number))
    }
}

impl Word32 {
    pub(super) fn swap(&self, number: u32, order: Ordering) -> u32 {
        u32::from_le(self.0.swap(number.to_le(), order))
    }

    pub(super) fn fetch_add(&self, number: u32, order: Ordering) -> u32 {
        #[cfg(target_endian = "little")]
        return self.0.fetch_add(number, order);
        #[cfg(target_endian = "big")]
        self.change(order, |there| there.wrapping_add(number))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_least_significant_byte_first() {
        let word = Word64::new(0);
        word.store(0x0102_0304_0506_0708, Relaxed);
        assert_eq!(word.0.load(Relaxed).to_ne_bytes(), [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(word.load(Relaxed), 0x0102_0304_0506_0708);
        assert_eq!(word.fetch_max(7, Relaxed), 0x0102_0304_0506_0708);
        assert_eq!(word.fetch_max(u64::MAX, Relaxed), 0x0102_0304_0506_0708);
        assert_eq!(word.load(Relaxed), u64::MAX);
        let word = Word32::new(0x00ff_ffff);
        assert_eq!(word.fetch_add(1, Relaxed), 0x00ff_ffff);
        assert_eq!(word.0.load(Relaxed).to_ne_bytes(), [0, 0, 0, 1]);
        assert_eq!(word.swap(0x0100_0000, Relaxed), 0x0100_0000);
        let raised = |there: u32| there.wrapping_mul(3);
        assert_eq!(word.change(Relaxed, raised), 0x0100_0000);
        assert_eq!(
            word.compare_exchange(0x0300_0000, 5, Relaxed, Relaxed),
            Ok(0x0300_0000)
        );
        assert_eq!(word.compare_exchange(6, 7, Relaxed, Relaxed), Err(5));
    }
}
