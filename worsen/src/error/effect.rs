//! [`Effect`]: what became of the data, as a value. Never here: which errors have which, which those say that
//! make them.

use std::fmt;

/// What became of the change that a call was to make, where the call failed: [`Error::effect`](crate::Error::effect).
///
/// A loop that tries again needs to know this before anything else:
///
/// ```
/// # use worsen::{Effect, Error, Store};
/// # #[derive(Store)] struct Account { balance: i64 }
/// # fn main() -> Result<(), Error> {
/// # let store = Account::builder().in_memory().open()?;
/// let mut tries = 0;
/// loop {
///     match store.update_balance(|balance| *balance += 100).wait() {
///         Ok(()) => break,
///         Err(error) => match error.effect() {
///             // Nobody pays twice: nothing of it is in the store.
///             Effect::NothingWritten if error.is_transient() && tries < 3 => tries += 1,
///             // It is there. Paying again would be once too often.
///             Effect::Written => return Err(error),
///             // Open the store anew and look at the balance.
///             _ => return Err(error),
///         },
///     }
/// }
/// assert_eq!(store.balance(), 100);
/// # Ok(())
/// # }
/// ```
///
/// A call that writes nothing, such as a read, a watch or a look at [`changes`](crate::Handle::changes), has
/// written nothing when it fails. So has an opening, unless it fails while it writes the seeds of a new store;
/// that it puts files right before it fails is no change of the state, and does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing of it is in the store, and nothing will be: the call may be made again.
    NothingWritten,
    /// It may be in the store, or may come to be there after a power cut, or it may not. No reader has seen it.
    /// The store refuses writes until every handle is dropped and it is opened again; what it shows then is
    /// what there is, and stays.
    Unknown,
    /// It is in the store, as durable as a write that succeeds. What failed came after that, such as showing it
    /// to readers.
    Written,
}

impl Effect {
    /// What became of two changes, as far as one word says it.
    pub(super) fn and(self, other: Effect) -> Effect {
        match self == other {
            true => self,
            false => Effect::Unknown,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Effect::NothingWritten => "nothing was written",
            Effect::Unknown => "it may or may not have been written",
            Effect::Written => "it was written",
        })
    }
}
