//! [`Repair`]: what opening a store had to do beside reading it, as the store tells its user. Never here: doing it.

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
    /// The log, or its end, was gone. Opening put back what the backup holds of it, which is one write behind.
    Restored {
        /// The newest revision that the backup held.
        revision: u64,
    },
    /// A part of the log was unreadable, and opening put it back from the backup. What else there is to say of
    /// its end stands beside it; by itself it means that nothing is lost.
    Mended {
        /// Where the unreadable part began, in bytes from the start of the log.
        offset: u64,
        /// A copy of the log as it was found.
        kept: Option<PathBuf>,
    },
    /// The end of the log was no whole commit, and opening cut it off.
    CutOff {
        /// Where it began, in bytes from the start of the log.
        offset: u64,
        /// How long it was.
        bytes: u64,
        /// Whether it may have been a commit that was acknowledged and damaged since; otherwise a writer left
        /// it that died while it wrote.
        acknowledged: bool,
        /// A copy of it.
        kept: Option<PathBuf>,
    },
    /// The backup did not belong to the log, and opening wrote it anew.
    BackupRenewed {
        /// A copy of the backup as it was found, where it held anything.
        kept: Option<PathBuf>,
    },
    /// Commits are lost, and the program had asked by `.salvage()` to go on with what is left.
    Salvaged {
        /// How many commits before the damage were kept.
        before: u64,
        /// How many commits behind the damage were kept.
        behind: u64,
        /// A copy of the log as it was found.
        kept: Option<PathBuf>,
    },
    /// The log ends before a revision that this machine had shown already: somebody put both files back to an
    /// older state, they lost their ends, or they were written [`Buffered`](crate::Durability::Buffered) before
    /// a power cut.
    Behind {
        /// Where the log ends.
        revision: u64,
        /// The newest revision that had been there.
        seen: u64,
    },
    /// There was a store, and its files hold nothing any more: they are empty, or blank from end to end. The
    /// store begins anew, with its seeds. Where both files are gone, somebody wanted that, and this is not told.
    Emptied {
        /// The newest revision that had been there.
        seen: u64,
    },
    /// The store was of an older version than the program, whose function brought it to the newer one: see
    /// `migrate` of [`derive@Store`](derive@crate::Store). Nothing is lost.
    Migrated {
        /// The version that the store had; 0 where it had none.
        from: u32,
        /// The version that it has now.
        to: u32,
        /// The state before, as a file that can take the log's place. `None` for a store in memory.
        kept: Option<PathBuf>,
    },
    /// The log was deleted or cut while the store was open, and the store wrote it anew from memory.
    Healed,
}

impl Repair {
    /// Where the copy of what stood there is, if one was kept.
    fn kept(&self) -> Option<&PathBuf> {
        match self {
            Repair::Mended { kept, .. }
            | Repair::CutOff { kept, .. }
            | Repair::BackupRenewed { kept }
            | Repair::Salvaged { kept, .. }
            | Repair::Migrated { kept, .. } => kept.as_ref(),
            Repair::Restored { .. }
            | Repair::Behind { .. }
            | Repair::Emptied { .. }
            | Repair::Healed => None,
        }
    }
}

fn tell_migrated(f: &mut fmt::Formatter<'_>, from: u32, to: u32) -> fmt::Result {
    write!(f, "opening migrated the store from version {from} to {to}")
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Repair::Restored { revision } => {
                write!(
                    f,
                    "the log, or its end, was missing, and opening restored it from the backup, up to revision {revision}; a commit after that, if there was one, is lost"
                )
            }
            Repair::Mended { offset, .. } => {
                write!(
                    f,
                    "the log was unreadable from byte {offset} on, and opening mended it from the backup"
                )
            }
            Repair::CutOff {
                offset,
                bytes,
                acknowledged,
                ..
            } => {
                write!(
                    f,
                    "opening cut {bytes} bytes off the end of the log, from byte {offset} on, as they were no whole commit"
                )?;
                f.write_str(if *acknowledged {
                    "; they may have been the newest commit, damaged since"
                } else {
                    "; a writer died while it wrote them, before its commit was acknowledged"
                })
            }
            Repair::BackupRenewed { .. } => {
                f.write_str("the backup did not belong to the log, and opening wrote it anew")
            }
            Repair::Salvaged {
                before,
                behind,
                ..
            } => {
                write!(
                    f,
                    "the log was damaged where the backup does not help: opening kept {before} commits before the damage and {behind} behind it, and those between are lost"
                )
            }
            Repair::Behind { revision, seen } => {
                write!(
                    f,
                    "the log ends at revision {revision}, and this machine had shown revision {seen} before: the commits in between are lost"
                )
            }
            Repair::Migrated { from, to, .. } => tell_migrated(f, *from, *to),
            Repair::Emptied { seen } => {
                write!(
                    f,
                    "the files hold nothing, and this machine had shown revision {seen} before: everything is lost, and the store begins anew"
                )
            }
            Repair::Healed => {
                f.write_str("the log was deleted or cut while the store was open, and the store wrote it anew from memory")
            }
        }?;
        if let Some(kept) = self.kept() {
            write!(
                f,
                " (a copy of what stood there is kept in {})",
                kept.display()
            )?;
        }
        Ok(())
    }
}
