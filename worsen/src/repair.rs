//! What opening a store had to do beside reading it, as its user is told.

use std::{fmt, path::PathBuf};

/// What opening a store had to do beside reading it. Empty for nearly every opening.
///
/// ```
/// # use worsen::Store;
/// # #[derive(Store)] struct State { ready: bool }
/// # fn main() -> Result<(), worsen::Error> {
/// let store = State::builder().in_memory().open()?;
/// for repair in store.recovered().repairs() {
///     eprintln!("{repair}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    pub(crate) repairs: Vec<Repair>,
}

impl Recovery {
    /// Everything that was done, in order.
    pub fn repairs(&self) -> &[Repair] {
        &self.repairs
    }

    /// Whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.repairs.is_empty()
    }

    /// Whether a commit may be gone that had been acknowledged.
    pub fn may_have_lost(&self) -> bool {
        self.repairs.iter().any(|repair| {
            matches!(
                repair,
                Repair::Restored { .. }
                    | Repair::Behind { .. }
                    | Repair::Emptied { .. }
                    | Repair::CutOff {
                        acknowledged: true,
                        ..
                    }
                    | Repair::Salvaged { .. }
            )
        })
    }
}

/// One thing that opening a store had to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repair {
    /// The log, or its end, was gone; what the backup holds of it was put back, and that is one write
    /// behind.
    Restored {
        /// The newest revision that the backup held.
        revision: u64,
    },
    /// Part of the log was unreadable and was put back from the backup. What else there is to say of
    /// its end stands beside it; by itself it means that nothing is lost.
    Mended {
        /// Where the unreadable part began, in bytes from the start of the log.
        offset: u64,
        /// A copy of the log as it was found.
        kept: Option<PathBuf>,
    },
    /// The end of the log was no whole commit and was cut off.
    CutOff {
        /// Where it began, in bytes from the start of the log.
        offset: u64,
        /// How long it was.
        bytes: u64,
        /// Whether it may have been a commit that was acknowledged and damaged since; otherwise it
        /// is what a writer leaves that dies while writing.
        acknowledged: bool,
        /// A copy of it.
        kept: Option<PathBuf>,
    },
    /// The backup did not belong to the log and was written anew.
    BackupRenewed {
        /// A copy of the backup as it was found, where it held anything.
        kept: Option<PathBuf>,
    },
    /// Commits were lost, and `.salvage()` had asked to go on with what is left.
    Salvaged {
        /// How many commits before the damage were kept.
        before: u64,
        /// How many commits behind the damage were kept.
        behind: u64,
        /// A copy of the log as it was found.
        kept: Option<PathBuf>,
    },
    /// The log ends before a revision that this machine had shown already: both files were put back
    /// to an older state, lost their ends, or were written [`Buffered`](crate::Durability::Buffered)
    /// before a power cut.
    Behind {
        /// Where the log ends.
        revision: u64,
        /// The newest revision that had been there.
        seen: u64,
    },
    /// There was a store, and its files hold nothing any more: they are empty, or blank from end to end. It
    /// begins anew, with its seeds. Where both files were deleted, that is what somebody wanted, and is not
    /// told.
    Emptied {
        /// The newest revision that had been there.
        seen: u64,
    },
    /// The log was deleted or cut while the store was open, and was written anew from memory.
    Healed,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = match self {
            Repair::Restored { revision } => {
                write!(
                    f,
                    "the log, or its end, was missing and was restored from the backup, up to revision {revision}; a commit after that, if there was one, is lost"
                )?;
                &None
            }
            Repair::Mended { offset, kept } => {
                write!(
                    f,
                    "the log was unreadable from byte {offset} on and was mended from the backup"
                )?;
                kept
            }
            Repair::CutOff {
                offset,
                bytes,
                acknowledged,
                kept,
            } => {
                write!(
                    f,
                    "{bytes} bytes at the end of the log, from byte {offset} on, were no whole commit and were cut off"
                )?;
                f.write_str(if *acknowledged {
                    "; they may have been the newest commit, damaged since"
                } else {
                    "; a writer died while writing them, before its commit was acknowledged"
                })?;
                kept
            }
            Repair::BackupRenewed { kept } => {
                f.write_str("the backup did not belong to the log and was written anew")?;
                kept
            }
            Repair::Salvaged {
                before,
                behind,
                kept,
            } => {
                write!(
                    f,
                    "the log was damaged beyond the backup's help: {before} commits before the damage and {behind} behind it were kept, those between are lost"
                )?;
                kept
            }
            Repair::Behind { revision, seen } => {
                write!(
                    f,
                    "the log ends at revision {revision}, and revision {seen} had been there: the commits in between are lost"
                )?;
                &None
            }
            Repair::Emptied { seen } => {
                write!(
                    f,
                    "the files were empty, and revision {seen} had been there: everything is lost, and the store begins anew"
                )?;
                &None
            }
            Repair::Healed => {
                f.write_str("the log was deleted or cut while the store was open and was written anew from memory")?;
                &None
            }
        };
        if let Some(kept) = kept {
            write!(f, " (what was found is kept in {})", kept.display())?;
        }
        Ok(())
    }
}
