//! Whether the files of a store are whole, without opening it: [`check`], and the [`Report`] it gives. Never here:
//! judging them.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    backend::file::{
        disk::{Disk, LinkedDisk},
        recovery::{Survey, survey},
    },
    error::Error,
    repair::{Recovery, Repair},
};

/// A line that is being written looks torn for less than that.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks whether the log at this path is whole, and the backup beside it, as a store is opened: every line, every
/// checksum. Nothing is changed, and no lock is taken, so it may be asked of a store that is in use, of a copy, and
/// without the permission to write. The type of the store need not be known, and whether the values fit it is not
/// asked.
///
/// What seems to be wrong is looked at again a few times within a tenth of a second, since others may be writing it.
///
/// ```
/// # use worsen::Store;
/// # #[derive(Store)] #[store(name = "state")] struct State { count: u64 }
/// # fn main() -> Result<(), worsen::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let dir = folder.path();
/// let store = State::builder().dir(dir).open()?;
/// store.set_count(1).wait()?;
/// let report = worsen::check(dir.join("state.db"))?;
/// println!("{report}");
/// assert!(report.is_whole());
/// assert_eq!((report.store(), report.revision()), ("state", 2));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Of kind [`NotFound`](crate::ErrorKind::NotFound) where there is neither log nor backup,
/// [`NotAStore`](crate::ErrorKind::NotAStore) where another program wrote the file,
/// [`NewerFormat`](crate::ErrorKind::NewerFormat) where a newer version of worsen did,
/// [`Damaged`](crate::ErrorKind::Damaged) where the files hold nothing at all, and those of the disk. Damage that leaves
/// anything to read is a report.
pub fn check(log: impl AsRef<Path>) -> Result<Report, Error> {
    check_on(&LinkedDisk, log.as_ref(), PAUSE)
}

pub(crate) fn check_on(disk: &dyn Disk, log: &Path, pause: Duration) -> Result<Report, Error> {
    Ok(Report {
        path: log.to_path_buf(),
        survey: survey(disk, log, pause)?,
    })
}

/// What [`check`] found.
#[derive(Debug)]
pub struct Report {
    path: PathBuf,
    survey: Survey,
}

/// A part of the log that is no valid line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    /// Where it begins, in bytes from the start of the log.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
}

impl Report {
    /// The name of the store, as its first line says; that of the file, where this cannot be read.
    pub fn store(&self) -> &str {
        &self.survey.store
    }

    /// How many times the log was begun: at its creation, and at each compaction.
    pub fn generation(&self) -> u64 {
        self.survey.generation
    }

    /// The newest revision that can be read; behind damage nothing counts.
    pub fn revision(&self) -> u64 {
        self.survey.revision
    }

    /// How many commits the log has line by line, up to there; before the first of them it holds a whole state.
    pub fn commits(&self) -> u64 {
        self.survey.commits
    }

    /// How many uids have a value; where opening refuses the store, in what can be read of it.
    pub fn uids(&self) -> usize {
        self.survey.entries
    }

    /// How long the log is, without the blanks that it is filled ahead with while it is in use.
    pub fn bytes(&self) -> u64 {
        self.survey.bytes
    }

    /// Whether there is a backup beside the log, as there is for every store but a copy.
    pub fn has_backup(&self) -> bool {
        self.survey.has_backup
    }

    /// Whether there is nothing wrong.
    pub fn is_whole(&self) -> bool {
        self.survey.is_whole()
    }

    /// Which parts of the log are no valid lines.
    pub fn unreadable(&self) -> impl ExactSizeIterator<Item = Unreadable> + '_ {
        let parts = self.survey.unreadable.iter();
        parts.map(|&(offset, bytes)| Unreadable { offset, bytes })
    }

    /// What opening the store would put right, as [`recovered`](crate::Handle::recovered) tells it then: what it would
    /// restore from the backup, and what it would cut off. Where only the backup is missing, that is told here too.
    ///
    /// What the lock file knows of revisions that are gone is not looked at.
    pub fn repairs(&self) -> &[Repair] {
        &self.survey.repairs
    }

    /// Why opening would refuse the store: acknowledged commits cannot be read, and the backup does not hold them.
    pub fn refusal(&self) -> Option<&Error> {
        self.survey.refusal.as_ref()
    }

    /// Whether a commit may be gone that had been acknowledged.
    pub fn may_have_lost(&self) -> bool {
        let repairs = self.survey.repairs.clone();
        self.refusal().is_some() || Recovery { repairs }.may_have_lost()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: store `{}`, revision {}, {} uids, {} bytes in generation {}",
            self.path.display(),
            self.store().escape_debug(),
            self.revision(),
            self.uids(),
            self.bytes(),
            self.generation(),
        )?;
        for Unreadable { offset, bytes } in self.unreadable() {
            write!(
                f,
                "\n  {bytes} bytes from byte {offset} on are no valid line"
            )?;
        }
        if let Some(refusal) = self.refusal() {
            return write!(f, "\n  opening it is refused: {refusal}");
        }
        match self.is_whole() {
            true => f.write_str("\n  all of it is whole"),
            false => self
                .repairs()
                .iter()
                .try_for_each(|repair| write!(f, "\n  opening it will be told as: {repair}")),
        }
    }
}
